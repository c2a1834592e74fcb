# The driver: in user mode between fakes, then in the kernel under Driver Verifier.

New-AcceptanceCase -Name 'driver.harness' -Title 'The image does in user mode what it does under Wine' -Needs Windows, Kit -Run {
    param($Context)
    $ended = Invoke-Program (Join-Path $Context.Kit 'driver/harness.exe') -Variables @{ REPRFLT_SYS = Join-Path $Context.Kit 'driver/reprflt.sys' }
    Assert-That ($ended.Text -match '(\d+) passed, 0 failed' -and [int]$Matches[1] -ge 100) "The harness wrote:`n$($ended.Text)"
    $Matches[0]
}
New-AcceptanceCase -Name 'driver.load' -Title 'The filter manager loads it at its altitude' -Needs Windows, Kit, Administrator, Prepare -Run {
    param($Context)
    if (-not (Test-DriverLoaded)) {
        Copy-Item (Join-Path $Context.Kit 'driver/reprflt-test.sys') "$env:SystemRoot\System32\drivers\reprflt.sys" -Force
        # As the INF has it: pnputil needs a catalog, which only the WDK makes.
        $altitude = [regex]::Match((Get-Content -Raw (Join-Path $Context.Kit 'driver/reprflt.inf')), '(?m)^Altitude\s*=\s*"([^"]+)"').Groups[1].Value
        if (-not (Get-Service reprflt -ErrorAction Ignore)) {
            Invoke-Program sc.exe 'create', 'reprflt', 'type=', 'filesys', 'start=', 'demand', 'error=', 'normal', 'group=', 'FSFilter Top', 'depend=', 'FltMgr', 'binPath=', 'system32\drivers\reprflt.sys' | Out-Null
        }

        $key = 'HKLM:\SYSTEM\CurrentControlSet\Services\reprflt'
        foreach ($place in "$key\Instances", "$key\Parameters\Instances") {
            New-Item -Force -Path "$place\reprflt" | Out-Null
            New-ItemProperty -Force -Path $place -Name DefaultInstance -Value 'reprflt' | Out-Null
            New-ItemProperty -Force -Path "$place\reprflt" -Name Altitude -Value $altitude | Out-Null
            New-ItemProperty -Force -Path "$place\reprflt" -Name Flags -PropertyType DWord -Value 0 | Out-Null
        }

        New-ItemProperty -Force -Path "$key\Parameters" -Name SupportedFeatures -PropertyType DWord -Value 3 | Out-Null
        Invoke-Program fltmc.exe 'load', 'reprflt' | Out-Null
    }

    Assert-That (Test-DriverLoaded) 'fltmc does not list it.'
    (& fltmc.exe filters) -match 'reprflt'
}
New-AcceptanceCase -Name 'driver.reload' -Title 'Idle, it is unloaded and loaded again, ten times' -Needs Windows, Administrator, Prepare, Driver -Run {
    param($Context)
    foreach ($time in 1..10) {
        Invoke-Program fltmc.exe 'unload', 'reprflt' | Out-Null
        Assert-That (-not (Test-DriverLoaded)) "It is still there after unload $time."
        Invoke-Program fltmc.exe 'load', 'reprflt' | Out-Null
    }
}
New-AcceptanceCase -Name 'driver.untracked' -Title 'Processes that nobody tracks see the machine as before' -Needs Windows, Driver -Run {
    param($Context)
    $place = Join-Path $Context.Work 'untracked'
    New-Item -ItemType Directory -Force $place | Out-Null
    Set-Content (Join-Path $place 'a.txt') 'a' -NoNewline
    Rename-Item (Join-Path $place 'a.txt') 'b.txt'
    Assert-That ((Get-Content -Raw (Join-Path $place 'b.txt')) -eq 'a') 'A file that was renamed has other content.'
    Remove-Item -Recurse -Force $place
}
New-AcceptanceCase -Name 'driver.verified' -Title 'Driver Verifier watches the loaded image' -Needs Windows, Administrator, Driver -Run {
    param($Context)
    $state = (& verifier.exe /query) -join "`n"
    if ($state -notmatch '(?i)reprflt\.sys') { Skip-Case 'needs Driver Verifier on reprflt.sys: run machine.verifier' }
    $state
}
