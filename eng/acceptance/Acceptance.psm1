# The frame of windows-acceptance.ps1: what a case is, planning, running, the report. Needs no Windows.
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

# In the order in which they run: each group needs what those before it have left.
$script:CaseFiles = 'Kit.ps1', 'Machine.ps1', 'Driver.ps1', 'Suites.ps1', 'Chain.ps1', 'Projection.ps1', 'Service.ps1'
$script:NeedNames = 'Windows', 'Kit', 'Administrator', 'Prepare', 'ProjFS', 'Driver', 'Worker', 'VisualStudio'

function New-AcceptanceCase {
    <# A case: its script block gets the context and Data, writes what is worth keeping, and throws when something is not as it shall be. #>
    param([string] $Name, [string] $Title, [string[]] $Needs = @(), [object] $Data = $null, [scriptblock] $Run)
    foreach ($need in $Needs) {
        if ($need -notin $script:NeedNames) { throw "The case '$Name' needs '$need', which is unknown." }
    }

    [pscustomobject]@{ Name = $Name; Title = $Title; Needs = $Needs; Data = $Data; Run = $Run; Missing = $null }
}

function Assert-That {
    param([bool] $Condition, [string] $Message)
    if (-not $Condition) { throw $Message }
}

function Skip-Case {
    <# For what only shows while a case runs. #>
    param([string] $Reason)
    throw [System.NotSupportedException]::new($Reason)
}

function Find-ArgumentProblem {
    param([string] $Kit, [string] $Output, [int] $Parallel, [string[]] $Case)
    if ($Kit -and -not (Test-Path -LiteralPath $Kit -PathType Container)) { return "The kit '$Kit' is no directory; eng/windows-kit.sh makes one." }
    if (-not $Output) { return 'The results need a file: -Output.' }
    if ($Parallel -lt 1 -or $Parallel -gt 2000) { return "-Parallel is $Parallel; it is 1 to 2000." }
    $names = @(Get-AcceptanceCase).Name
    foreach ($pattern in $Case) {
        if (-not ($names -like $pattern)) { return "No case is like '$pattern'; -List shows them." }
    }
}

function New-AcceptanceContext {
    <# What cases share. Kit and Work are full paths; Work is made when it is needed. #>
    param([string] $Kit, [string] $Work, [int] $Parallel, [switch] $Prepare)
    $administrator = $IsWindows -and ([Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()).IsInRole('Administrators')
    [pscustomobject]@{
        Kit = $(if ($Kit) { (Resolve-Path -LiteralPath $Kit).ProviderPath } else { $null })
        Work = $(if ($Work) { [IO.Path]::GetFullPath($Work) } elseif ($IsWindows) { 'C:\repr-acceptance' } else { Join-Path ([IO.Path]::GetTempPath()) 'repr-acceptance' })
        Parallel = $Parallel
        IsAdministrator = $administrator
        MayPrepare = [bool]$Prepare
        RestartReason = $null
        Endpoint = $null   # of the worker that Start-Worker has started
        Worker = $null
    }
}

function Get-AcceptanceCase { $script:Cases }

function Get-AcceptancePlan {
    <# The cases that were asked for, in their order; each knows what of its needs this machine lacks. #>
    param($Context, [string[]] $Case)
    foreach ($candidate in Get-AcceptanceCase) {
        if (-not ($Case | Where-Object { $candidate.Name -like $_ })) { continue }
        $candidate.Missing = Find-Missing -Context $Context -Needs $candidate.Needs
        $candidate
    }
}

function Find-Missing {
    <# The first need that is not met, as the reason of a skip. Looks at the machine as it is now. #>
    param($Context, [string[]] $Needs)
    if ('Windows' -in $Needs -and -not $IsWindows) { return 'needs Windows' }
    foreach ($need in $Needs) {
        $reason = switch ($need) {
            'Kit' { if (-not $Context.Kit) { 'needs a kit: -Kit' } }
            'Administrator' { if (-not $Context.IsAdministrator) { 'needs an administrator' } }
            'Prepare' { if (-not $Context.MayPrepare) { 'changes the machine: needs -Prepare' } }
            'ProjFS' { if (-not (Test-Path "$env:SystemRoot\System32\ProjectedFSLib.dll")) { 'needs the Projected File System: run machine.projfs' } }
            'Driver' { if (-not (Test-DriverLoaded)) { 'needs the driver: run driver.load' } }
            'Worker' { if (-not $Context.Endpoint) { 'needs a worker: run service.start' } }
            'VisualStudio' { if (-not (Find-VisualStudio)) { 'needs Visual Studio or its Build Tools with C++' } }
        }
        if ($reason) { return $reason }
    }
}

function Test-DriverLoaded { $IsWindows -and [bool]((& fltmc.exe filters 2>$null) -match '^\s*reprflt\s') }

function Find-VisualStudio {
    $finder = "${env:ProgramFiles(x86)}\Microsoft Visual Studio\Installer\vswhere.exe"
    if (-not $IsWindows -or -not (Test-Path $finder)) { return $null }
    & $finder -latest -products '*' -requires Microsoft.VisualStudio.Component.VC.Tools.x86.x64 -property installationPath | Select-Object -First 1
}

function Invoke-AcceptanceCase {
    <# Runs one case; the result is what the report has of it. #>
    param($Context, $Case)
    $clock = [Diagnostics.Stopwatch]::StartNew()
    # What earlier cases have changed counts: the plan was only a forecast.
    $missing = Find-Missing -Context $Context -Needs $Case.Needs
    $status, $reason, $text = 'skipped', $missing, ''
    if (-not $missing) {
        try {
            $text = (& $Case.Run $Context $Case.Data | Out-String).TrimEnd()
            $status, $reason = 'passed', ''
        }
        catch [System.NotSupportedException] {
            $status, $reason = 'skipped', $_.Exception.Message
        }
        catch {
            $status, $reason = 'failed', $_.Exception.Message
            $text = $_.ScriptStackTrace
        }
    }

    [ordered]@{
        name = $Case.Name; title = $Case.Title; status = $status; reason = [string]$reason
        seconds = [Math]::Round($clock.Elapsed.TotalSeconds, 3); output = $text
    }
}

function Invoke-AcceptancePlan {
    <# Runs a plan and always ends the worker that its cases have started. #>
    param($Context, $Plan)
    $started = [DateTime]::UtcNow
    $cases = @(
        try {
            foreach ($case in $Plan) {
                $result = Invoke-AcceptanceCase -Context $Context -Case $case
                Write-Host ('{0,-8} {1}{2}' -f $result.status, $result.name, $(if ($result.reason) { ": $($result.reason)" } else { '' }))
                $result
            }
        }
        finally {
            if ($Context.Worker) { Stop-Worker -Context $Context }
        })
    [ordered]@{
        schema = 1
        started = $started.ToString('o')
        ended = [DateTime]::UtcNow.ToString('o')
        machine = [ordered]@{
            system = [Runtime.InteropServices.RuntimeInformation]::OSDescription
            architecture = [Runtime.InteropServices.RuntimeInformation]::OSArchitecture.ToString()
            windows = [bool]$IsWindows
            administrator = [bool]$Context.IsAdministrator
            powershell = $PSVersionTable.PSVersion.ToString()
        }
        kit = @(Get-KitFile -Context $Context)
        restart = [string]$Context.RestartReason
        summary = [ordered]@{
            passed = @($cases | Where-Object { $_.status -eq 'passed' }).Count
            failed = @($cases | Where-Object { $_.status -eq 'failed' }).Count
            skipped = @($cases | Where-Object { $_.status -eq 'skipped' }).Count
        }
        cases = $cases
    }
}

function Get-KitFile {
    <# What was tested: the programs of the kit, by content. #>
    param($Context)
    if (-not $Context.Kit) { return }
    foreach ($name in 'driver/reprflt.sys', 'driver/reprflt-test.sys', 'driver/harness.exe', 'repr/repr.exe', 'repr/repr.dll') {
        $path = Join-Path $Context.Kit $name
        if (Test-Path -LiteralPath $path) { [ordered]@{ name = $name; sha256 = (Get-FileHash -LiteralPath $path -Algorithm SHA256).Hash.ToLowerInvariant() } }
    }
}

function Write-AcceptanceReport {
    <# Writes the results as one JSON document, at once. #>
    param($Results, [string] $Path)
    $full = [IO.Path]::GetFullPath($Path, (Get-Location).ProviderPath)
    [IO.File]::WriteAllText("$full.new", ($Results | ConvertTo-Json -Depth 6) + "`n")
    [IO.File]::Move("$full.new", $full, $true)
}

function Invoke-Program {
    <# Runs a program to its end; what it wrote, both streams. Throws on another exit code than those that are expected. #>
    param([string] $Program, [string[]] $Arguments = @(), [int[]] $Expect = @(0), [string] $Directory = '', [hashtable] $Variables = @{}, [int] $Seconds = 600)
    $start = [Diagnostics.ProcessStartInfo]::new($Program)
    $Arguments | ForEach-Object { $start.ArgumentList.Add($_) }
    $Variables.GetEnumerator() | ForEach-Object { $start.Environment[$_.Key] = [string]$_.Value }
    if ($Directory) { $start.WorkingDirectory = $Directory }
    $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    $process = [Diagnostics.Process]::Start($start)
    try {
        $output, $errors = $process.StandardOutput.ReadToEndAsync(), $process.StandardError.ReadToEndAsync()
        if (-not $process.WaitForExit($Seconds * 1000)) {
            $process.Kill($true)
            throw "'$Program' did not end within $Seconds s."
        }

        $text = $output.GetAwaiter().GetResult() + $errors.GetAwaiter().GetResult()
        if ($process.ExitCode -notin $Expect) { throw "'$Program $Arguments' ended with $($process.ExitCode):`n$text" }
        [pscustomobject]@{ ExitCode = $process.ExitCode; Text = $text }
    }
    finally { $process.Dispose() }
}

# Here, not in a function: what these files define is the module's.
. (Join-Path $PSScriptRoot 'Worker.ps1')
$script:Cases = @(foreach ($file in $script:CaseFiles) { . (Join-Path $PSScriptRoot $file) })
Export-ModuleMember -Function *
