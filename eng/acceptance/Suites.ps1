# The suites that also run on Linux or under Wine, once more against the real system.

function Invoke-Suite {
    <# Runs an xunit.v3 executable; its counts. A suite that ran nothing has failed. #>
    param([string] $Program, [string[]] $Arguments = @())
    $ended = Invoke-Program $Program (@('-noColor', '-parallel', 'none') + $Arguments) -Expect 0, 1 -Seconds 3600 -Directory (Split-Path $Program)
    Assert-That ($ended.Text -match 'Total: (\d+), Errors: (\d+), Failed: (\d+), Skipped: (\d+)') "There is no summary:`n$($ended.Text)"
    $summary = $Matches[0]
    Assert-That ([int]$Matches[1] -gt [int]$Matches[4] -and [int]$Matches[2] -eq 0 -and [int]$Matches[3] -eq 0) "$summary`n$($ended.Text)"
    $summary
    $ended.Text -split "`n" | Where-Object { $_ -match '\[SKIP\]' }
}

New-AcceptanceCase -Name 'provider.suite' -Title 'The contract of workspaces, on the real ProjectedFSLib' -Needs Windows, Kit, ProjFS -Run {
    param($Context)
    Invoke-Suite (Join-Path $Context.Kit 'workspaces/Repr.Workspaces.Tests.exe') -Arguments '-namespace', 'Repr.Workspaces.Tests.ProjFs'
}
New-AcceptanceCase -Name 'requester.suite' -Title 'Files, digests and the door of the requester, on NTFS' -Needs Windows, Kit -Run {
    param($Context)
    Invoke-Suite (Join-Path $Context.Kit 'requester/Repr.Requester.WindowsSuite.exe')
}
