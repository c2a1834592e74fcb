# The worker as a service of many: load, and its end at the worst moment.

function Start-Exec {
    <# Starts `repr exec` and does not wait. #>
    param($Context, [string[]] $Command, [string] $Directory, [hashtable] $Variables = @{}, [string] $Log)
    New-Item -ItemType Directory -Force $Directory | Out-Null
    $all = (Get-RequesterVariable $Context)
    $Variables.GetEnumerator() | ForEach-Object { $all[$_.Key] = $_.Value }
    Start-Process (Join-Path $Context.Kit 'repr/repr.exe') (@('exec', '--no-stdin', '--') + $Command) -WorkingDirectory $Directory -PassThru -WindowStyle Hidden `
        -Environment $all -RedirectStandardOutput "$Log.out" -RedirectStandardError "$Log.err"
}

New-AcceptanceCase -Name 'service.parallel' -Title 'Many actions at the same time, each with files of its own' -Needs Windows, Kit, Worker -Run {
    param($Context)
    $root = Join-Path $Context.Work 'src\parallel'
    $files = @{}
    1..$Context.Parallel | ForEach-Object { $files["$_\in.txt"] = "number $_"; $files["$_\run.cmd"] = "@type in.txt > out.txt & @exit $($_ % 100)`r`n" }
    New-Tree $root $files
    $running = 1..$Context.Parallel | ForEach-Object { Start-Exec $Context 'cmd.exe', '/d', '/q', '/c', 'run.cmd' (Join-Path $root $_) -Log (Join-Path $Context.Work "parallel-$_") }
    $running | ForEach-Object { Assert-That ($_.WaitForExit(600000)) 'An action did not end within ten minutes.' }
    foreach ($number in 1..$Context.Parallel) {
        $code = $running[$number - 1].ExitCode
        Assert-That ($code -eq $number % 100) "Action $number ended with $code`: $(Get-Content -Raw (Join-Path $Context.Work "parallel-$number.err"))"
        Assert-That ((Get-Content -Raw (Join-Path $root "$number\out.txt")) -eq "number $number") "Action $number wrote something else."
    }

    "$($Context.Parallel) actions"
}
New-AcceptanceCase -Name 'service.kill' -Title 'The worker is killed in the middle of an action: the action runs here, the driver forgets it' -Needs Windows, Kit, Worker, Administrator, Driver -Run {
    param($Context)
    $directory = Join-Path $Context.Work 'src\kill'
    New-Tree $directory @{ 'in.txt' = 'x'; 'run.cmd' = "@type in.txt > out.txt`r`n@ping -n 20 127.0.0.1 >nul`r`n" }
    $action = Start-Exec $Context 'cmd.exe', '/d', '/q', '/c', 'run.cmd' $directory -Variables @{ REPR_FALLBACK = 'local' } -Log (Join-Path $Context.Work 'kill')
    Start-Sleep -Seconds 5
    $orphans = @(Get-CimInstance Win32_Process -Filter "Name = 'PING.EXE'").Count
    Stop-Worker $Context
    Assert-That ($action.WaitForExit(120000)) 'The action did not end.'
    Assert-That ($action.ExitCode -eq 0) "It ended with $($action.ExitCode): $(Get-Content -Raw (Join-Path $Context.Work 'kill.err'))"
    Assert-That ((Get-Content -Raw (Join-Path $directory 'out.txt')) -eq 'x') 'Its output is missing or half written.'
    Assert-That (@(Get-CimInstance Win32_Process -Filter "Name = 'PING.EXE'").Count -le $orphans) 'A process of the lost action still runs.'
    Assert-That (-not (Get-ChildItem $directory -Filter '*.repr-tmp' -Force)) 'A temporary file was left behind.'
    Invoke-Program fltmc.exe 'unload', 'reprflt' | Out-Null # refused while a process is tracked
    Invoke-Program fltmc.exe 'load', 'reprflt' | Out-Null
    Start-Worker $Context
    Compare-Run $Context 'after-kill' @{ 'a.txt' = 'a' } 'type a.txt'
}
New-AcceptanceCase -Name 'service.fallback' -Title 'Without a worker the command runs here, with one warning' -Needs Windows, Kit -Run {
    param($Context)
    $directory = Join-Path $Context.Work 'src\fallback'
    New-Tree $directory @{ 'a.txt' = 'a' }
    $variables = @{ REPR_RUNTIME_DIR = Join-Path $Context.Work 'run'; REPR_CACHE_DIR = Join-Path $Context.Work 'cache'; REPR_ENDPOINT = 'http://127.0.0.1:9'; REPR_BUILD_ID = [guid]::NewGuid().ToString('n') }
    $ended = Invoke-Program (Join-Path $Context.Kit 'repr/repr.exe') 'exec', '--', 'cmd.exe', '/c', 'type a.txt & exit 7' -Expect 7 -Directory $directory -Variables $variables
    Assert-That ($ended.Text -match 'warning REPR1101' -and $ended.Text.StartsWith('a')) "It wrote:`n$($ended.Text)"
}
