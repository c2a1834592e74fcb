# The machine: what the driver and the projection need of it. All of these change it, and are cases since each of them can fail.

New-AcceptanceCase -Name 'machine.volume' -Title 'The working directory is on NTFS' -Needs Windows -Run {
    param($Context)
    $letter = $Context.Work.Substring(0, 1)
    $system = (Get-Volume -DriveLetter $letter).FileSystem
    Assert-That ($system -eq 'NTFS') "$($Context.Work) is on $system; choose another one with -Work."
    New-Item -ItemType Directory -Force -Path $Context.Work | Out-Null
}
New-AcceptanceCase -Name 'machine.projfs' -Title 'The Projected File System is switched on and its filter runs' -Needs Windows, Administrator, Prepare -Run {
    param($Context)
    $feature = Get-WindowsOptionalFeature -Online -FeatureName Client-ProjFS
    if ($feature.State -ne 'Enabled') {
        $change = Enable-WindowsOptionalFeature -Online -FeatureName Client-ProjFS -NoRestart -All
        if ($change.RestartNeeded) { $Context.RestartReason = 'the Projected File System was switched on' ; Skip-Case 'needs a restart' }
    }

    if ((Get-Service PrjFlt).Status -ne 'Running') { Start-Service PrjFlt }
    (& fltmc.exe filters) -match 'PrjFlt'
    Assert-That ((Get-Service PrjFlt).Status -eq 'Running') 'PrjFlt does not run.'
}
New-AcceptanceCase -Name 'machine.testsigning' -Title 'Drivers with a test signature are accepted' -Needs Windows, Administrator, Prepare -Run {
    param($Context)
    $secure = try { Confirm-SecureBootUEFI } catch { $false }
    Assert-That (-not $secure) 'Secure Boot is on: switch it off in the firmware, test signing has no effect with it.'
    if (-not ((& bcdedit.exe /enum '{current}') -match 'testsigning\s+Yes')) {
        Invoke-Program bcdedit.exe '/set', 'testsigning', 'on' | Out-Null
        $Context.RestartReason = 'test signing was switched on'
        Skip-Case 'needs a restart'
    }
}
New-AcceptanceCase -Name 'machine.certificate' -Title 'The test certificate is trusted' -Needs Windows, Kit, Administrator, Prepare -Run {
    param($Context)
    $file = Join-Path $Context.Kit 'driver/reprflt-test.cer'
    foreach ($store in 'Root', 'TrustedPublisher') {
        (Import-Certificate -FilePath $file -CertStoreLocation "Cert:\LocalMachine\$store").Thumbprint
    }

    $signature = Get-AuthenticodeSignature (Join-Path $Context.Kit 'driver/reprflt-test.sys')
    Assert-That ($signature.Status -eq 'Valid') "The signature of reprflt-test.sys is $($signature.Status): $($signature.StatusMessage)"
}
New-AcceptanceCase -Name 'machine.verifier' -Title 'Driver Verifier watches reprflt.sys with the standard settings' -Needs Windows, Administrator, Prepare -Run {
    param($Context)
    $settings = (& verifier.exe /querysettings) -join "`n"
    if ($settings -notmatch 'reprflt\.sys') {
        Invoke-Program verifier.exe '/standard', '/driver', 'reprflt.sys' -Expect 0, 1, 2 | Out-Null
        $Context.RestartReason = 'Driver Verifier was set on reprflt.sys'
        Skip-Case 'needs a restart'
    }

    $settings
}
New-AcceptanceCase -Name 'machine.scanner' -Title 'The working directory is left out by Defender and the indexer' -Needs Windows, Administrator, Prepare -Run {
    param($Context)
    if (Get-Command Add-MpPreference -ErrorAction Ignore) { Add-MpPreference -ExclusionPath $Context.Work }
    (Get-Item $Context.Work).Attributes = (Get-Item $Context.Work).Attributes -bor [IO.FileAttributes]::NotContentIndexed
}
