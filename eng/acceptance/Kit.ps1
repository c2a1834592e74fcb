# The kit itself: what can be told of its files without running them. Needs no Windows.

function Read-Image {
    <# The headers of a program or driver (PE/COFF specification). #>
    param([string] $Path)
    $bytes = [IO.File]::ReadAllBytes($Path)
    Assert-That ($bytes.Length -gt 1024 -and $bytes[0] -eq 0x4D -and $bytes[1] -eq 0x5A) "'$Path' is no image of Windows."
    $header = [BitConverter]::ToInt32($bytes, 0x3C)
    Assert-That ([BitConverter]::ToUInt32($bytes, $header) -eq 0x4550) "'$Path' has no PE header."
    [pscustomobject]@{
        Machine = [BitConverter]::ToUInt16($bytes, $header + 4)
        Subsystem = [BitConverter]::ToUInt16($bytes, $header + 24 + 68)
        Flags = [BitConverter]::ToUInt16($bytes, $header + 24 + 70)
        Certificates = [BitConverter]::ToInt32($bytes, $header + 24 + 112 + 4 * 8 + 4)
    }
}

New-AcceptanceCase -Name 'kit.driver-image' -Title 'reprflt.sys is a native image for x64 that only loads with a signature' -Needs Kit -Run {
    param($Context)
    $image = Read-Image (Join-Path $Context.Kit 'driver/reprflt.sys')
    Assert-That ($image.Machine -eq 0x8664) 'It is not for x64.'
    Assert-That ($image.Subsystem -eq 1) 'Its subsystem is not native.'
    Assert-That (($image.Flags -band 0x80) -ne 0) 'It does not force integrity.'
}
New-AcceptanceCase -Name 'kit.driver-signature' -Title 'reprflt-test.sys carries a signature, and the certificate is beside it' -Needs Kit -Run {
    param($Context)
    Assert-That ((Read-Image (Join-Path $Context.Kit 'driver/reprflt-test.sys')).Certificates -gt 0) 'It has no signature: run sign-test.sh.'
    Assert-That (Test-Path (Join-Path $Context.Kit 'driver/reprflt-test.cer')) 'reprflt-test.cer is missing.'
}
New-AcceptanceCase -Name 'kit.driver-inf' -Title 'reprflt.inf installs the image in the group FSFilter Top' -Needs Kit -Run {
    param($Context)
    $text = Get-Content -Raw (Join-Path $Context.Kit 'driver/reprflt.inf')
    Assert-That ($text -match '(?m)^LoadOrderGroup\s*=\s*"FSFilter Top"') 'The load order group is another one.'
    Assert-That ($text -match '(?m)^Altitude\s*=\s*"(\d+(\.\d+)?)"') 'There is no altitude.'
    Assert-That ([double]$Matches[1] -ge 400000 -and [double]$Matches[1] -le 409999) "The altitude $($Matches[1]) is not of that group."
}
New-AcceptanceCase -Name 'kit.programs' -Title 'The programs of the kit are there and are for x64' -Needs Kit -Run {
    param($Context)
    foreach ($name in 'driver/harness.exe', 'repr/repr.exe', 'workspaces/Repr.Workspaces.Tests.exe', 'requester/Repr.Requester.WindowsSuite.exe') {
        $path = Join-Path $Context.Kit $name
        Assert-That (Test-Path -LiteralPath $path) "'$name' is missing: eng/windows-kit.sh makes it."
        Assert-That ((Read-Image $path).Machine -eq 0x8664) "'$name' is not for x64."
    }
}
