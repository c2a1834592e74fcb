#!/usr/bin/env pwsh
<#
.SYNOPSIS
    Runs on a real Windows what could not be run where Repr is built, and writes what came out as JSON.
.DESCRIPTION
    Cases are planned by what they need. One whose needs are not met is "skipped" with the reason, never "passed": on Linux, that are all
    that need Windows. eng/windows-kit.sh makes the kit. See docs/windows.md and eng/acceptance/schema.json.
    With -Prepare it changes the machine: it switches the Projected File System and test signing on, trusts the test certificate, sets Driver
    Verifier on reprflt.sys and installs the driver. That takes an administrator, and often a restart: it then ends with 3, to be run again.
    Use a machine (or a virtual one) that may crash.
.EXAMPLE
    pwsh eng/windows-acceptance.ps1 -Kit C:\kit -Output results.json -Prepare
.EXAMPLE
    pwsh eng/windows-acceptance.ps1 -List
.NOTES
    Exit code: 0 nothing failed, 1 a case failed, 2 wrong arguments, 3 restart and run it again.
#>
#requires -Version 7.4
[CmdletBinding()]
param(
    # Directory that eng/windows-kit.sh has made.
    [string] $Kit = '',
    # File that gets the results.
    [string] $Output = 'windows-acceptance.json',
    # Only cases whose name is like one of these, as in 'driver.*'.
    [string[]] $Case = @('*'),
    # Directory for the cases' files; on an NTFS volume.
    [string] $Work = '',
    # How many actions run at the same time in service.parallel.
    [int] $Parallel = 200,
    # Change the machine as the cases need it.
    [switch] $Prepare,
    # Only write the plan to the standard output, one case a line.
    [switch] $List
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module (Join-Path $PSScriptRoot 'acceptance' 'Acceptance.psm1') -Force

$problem = Find-ArgumentProblem -Kit $Kit -Output $Output -Parallel $Parallel -Case $Case
if ($problem) {
    [Console]::Error.WriteLine("windows-acceptance: $problem")
    exit 2
}

$context = New-AcceptanceContext -Kit $Kit -Work $Work -Parallel $Parallel -Prepare:$Prepare
$plan = @(Get-AcceptancePlan -Context $context -Case $Case)
if ($List) {
    $plan | ForEach-Object { '{0}  {1}{2}' -f $_.Name, $_.Title, $(if ($_.Missing) { "  [skipped: $($_.Missing)]" } else { '' }) }
    exit 0
}

$results = Invoke-AcceptancePlan -Context $context -Plan $plan
Write-AcceptanceReport -Results $results -Path $Output
$summary = $results.summary
Write-Host "$($summary.passed) passed, $($summary.failed) failed, $($summary.skipped) skipped; see $Output"
exit $(if ($summary.failed -gt 0) { 1 } elseif ($context.RestartReason) { Write-Host "Restart this machine and run it again: $($context.RestartReason)"; 3 } else { 0 })
