# What of the acceptance script needs no Windows. Run by tests/Repr.Driver.Tests, which names a kit with the driver that it has built.
BeforeAll {
    $script:entry = Join-Path $PSScriptRoot '..' 'windows-acceptance.ps1'
    Import-Module (Join-Path $PSScriptRoot 'Acceptance.psm1') -Force
    function Invoke-Entry {
        param([string[]] $Arguments)
        # As a tool of dotnet, PowerShell is an assembly.
        $shell = @((Get-Process -Id $PID).Path) + @(if ((Split-Path -LeafBase (Get-Process -Id $PID).Path) -eq 'dotnet') { Join-Path $PSHOME 'pwsh.dll' })
        $output = & $shell[0] @($shell | Select-Object -Skip 1) -NoProfile -File $script:entry @Arguments 2>&1 | Out-String
        [pscustomobject]@{ ExitCode = $LASTEXITCODE; Text = $output }
    }
    function New-TestContext { New-AcceptanceContext -Kit '' -Work $TestDrive -Parallel 2 }
}

Describe 'The scripts' {
    It '<_> parses' -ForEach @(
        Get-ChildItem $PSScriptRoot -Include *.ps1, *.psm1 -Recurse | ForEach-Object FullName
        Join-Path $PSScriptRoot '..' 'windows-acceptance.ps1'
    ) {
        $errors = $null
        [System.Management.Automation.Language.Parser]::ParseFile((Resolve-Path $_).ProviderPath, [ref]$null, [ref]$errors) | Out-Null
        $errors | Should -BeNullOrEmpty
    }

    It 'call only what is there on some system' {
        # A name that neither PowerShell, nor these scripts, nor Windows has is a slip that would only show there.
        $windows = 'Get-Volume', 'Get-WindowsOptionalFeature', 'Enable-WindowsOptionalFeature', 'Confirm-SecureBootUEFI', 'Import-Certificate',
            'Get-AuthenticodeSignature', 'Add-MpPreference', 'Get-Service', 'Start-Service', 'Get-CimInstance', 'fltmc.exe', 'bcdedit.exe', 'verifier.exe'
        $unknown = foreach ($file in Get-ChildItem $PSScriptRoot -Filter *.ps* | Where-Object Name -NotLike '*.Tests.ps1') {
            $tree = [System.Management.Automation.Language.Parser]::ParseFile($file.FullName, [ref]$null, [ref]$null)
            $own = $tree.FindAll({ $args[0] -is [System.Management.Automation.Language.FunctionDefinitionAst] }, $true).Name
            $tree.FindAll({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true) | ForEach-Object GetCommandName |
                Where-Object { $_ -and $_ -notin $windows -and $_ -notin $own -and -not (Get-Command $_ -ErrorAction Ignore) }
        }
        $unknown | Select-Object -Unique | Should -BeNullOrEmpty
    }
}

Describe 'The plan' {
    It 'has every group, and each name once' {
        $names = @(Get-AcceptanceCase).Name
        ($names | ForEach-Object { $_.Split('.')[0] } | Select-Object -Unique | Sort-Object) -join ' ' |
            Should -Be 'chain driver kit machine projection provider requester service'
        ($names | Select-Object -Unique).Count | Should -Be $names.Count
        $names.Count | Should -BeGreaterThan 55
    }

    It 'has only the cases that were asked for, in their order' {
        @(Get-AcceptancePlan -Context (New-TestContext) -Case 'service.fall*', 'driver.load').Name | Should -Be 'driver.load', 'service.fallback'
    }

    It 'starts the worker before what needs one' {
        $names = @(Get-AcceptanceCase).Name
        $first = @(Get-AcceptanceCase | Where-Object { 'Worker' -in $_.Needs })[0].Name
        $names.IndexOf('service.start') | Should -BeLessThan $names.IndexOf($first)
    }

    It 'leaves out what needs Windows' -Skip:$IsWindows {
        Get-AcceptancePlan -Context (New-TestContext) -Case '*' | Where-Object { 'Windows' -in $_.Needs } | ForEach-Object { $_.Missing | Should -Be 'needs Windows' }
        @(Get-AcceptanceCase | Where-Object { 'Windows' -notin $_.Needs }).Name | Should -BeLike 'kit.*'
    }
}

Describe 'A case' {
    BeforeAll {
        $script:good = New-AcceptanceCase -Name 'a.good' -Title 't' -Data 7 -Run { param($Context, $Data) "said $Data" }
        $script:bad = New-AcceptanceCase -Name 'a.bad' -Title 't' -Run { Assert-That $false 'not so' }
        $script:broken = New-AcceptanceCase -Name 'a.broken' -Title 't' -Run { Invoke-Program 'false' }
        $script:late = New-AcceptanceCase -Name 'a.late' -Title 't' -Run { Skip-Case 'needs a restart' }
    }

    It 'that ends is passed, with what it said' {
        $result = Invoke-AcceptanceCase -Context (New-TestContext) -Case $good
        $result.status, $result.reason, $result.output | Should -Be 'passed', '', 'said 7'
    }

    It 'that throws is failed, with the reason' {
        (Invoke-AcceptanceCase -Context (New-TestContext) -Case $bad).reason | Should -Be 'not so'
        $result = Invoke-AcceptanceCase -Context (New-TestContext) -Case $broken
        $result.status | Should -Be 'failed'
        $result.reason | Should -BeLike "'false *ended with 1*"
    }

    It 'may find out late that it cannot run' {
        $result = Invoke-AcceptanceCase -Context (New-TestContext) -Case $late
        $result.status, $result.reason | Should -Be 'skipped', 'needs a restart'
    }

    It 'does not run without what it needs' {
        $case = New-AcceptanceCase -Name 'a.needs' -Title 't' -Needs Kit -Run { throw 'it ran' }
        (Invoke-AcceptanceCase -Context (New-TestContext) -Case $case).reason | Should -Be 'needs a kit: -Kit'
    }

    It 'cannot need what nobody knows' {
        { New-AcceptanceCase -Name 'a.x' -Title 't' -Needs Luck -Run { } } | Should -Throw '*Luck*'
    }

    It 'compares two trees by names and content' {
        New-Tree (Join-Path $TestDrive 'one') @{ 'a.txt' = 'a'; 'd/b.obj' = 'x' }
        New-Tree (Join-Path $TestDrive 'two') @{ 'a.txt' = 'a'; 'd/b.obj' = 'y' }
        Compare-Object (Get-Tree (Join-Path $TestDrive 'one') '*.obj') (Get-Tree (Join-Path $TestDrive 'two') '*.obj') | Should -BeNullOrEmpty
        Compare-Object (Get-Tree (Join-Path $TestDrive 'one')) (Get-Tree (Join-Path $TestDrive 'two')) | Should -Not -BeNullOrEmpty
    }
}

Describe 'The script' {
    It 'refuses <Arguments> in one line' -ForEach @(
        @{ Arguments = '-Kit', '/nowhere'; Text = "*The kit '/nowhere' is no directory*" }
        @{ Arguments = '-Parallel', '0'; Text = '*-Parallel is 0*' }
        @{ Arguments = '-Case', 'nothing.*'; Text = "*No case is like 'nothing.*" }
    ) {
        $ended = Invoke-Entry $Arguments
        $ended.ExitCode | Should -Be 2
        $ended.Text | Should -BeLike $Text
    }

    It 'lists its plan and runs nothing' {
        $ended = Invoke-Entry '-List', '-Case', 'driver.*'
        $ended.ExitCode | Should -Be 0
        $ended.Text | Should -BeLike '*driver.harness*skipped: needs Windows*'
    }

    It 'writes what the schema says, and never passes here what needs Windows' -Skip:$IsWindows {
        $file = Join-Path $TestDrive 'results.json'
        $ended = Invoke-Entry '-Output', $file
        $ended.ExitCode | Should -Be 0
        $text = Get-Content -Raw $file
        Test-Json -Json $text -SchemaFile (Join-Path $PSScriptRoot 'schema.json') | Should -BeTrue
        $results = $text | ConvertFrom-Json
        $results.summary.passed, $results.summary.failed | Should -Be 0, 0
        $results.summary.skipped | Should -Be @(Get-AcceptanceCase).Count
    }

    It 'looks at the kit that was built, and fails for what it lacks' -Skip:(-not $env:REPR_TEST_KIT) {
        $file = Join-Path $TestDrive 'kit.json'
        $ended = Invoke-Entry '-Kit', $env:REPR_TEST_KIT, '-Output', $file, '-Case', 'kit.*'
        $results = Get-Content -Raw $file | ConvertFrom-Json
        @($results.cases | Where-Object status -EQ 'passed').name | Should -Be 'kit.driver-image', 'kit.driver-signature', 'kit.driver-inf'
        @($results.cases | Where-Object status -EQ 'failed').reason | Should -BeLike "*harness.exe' is missing*"
        $ended.ExitCode | Should -Be 1
        @($results.kit).name | Should -Contain 'driver/reprflt-test.sys'
    }
}
