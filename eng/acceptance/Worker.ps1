# The worker under test and the comparison of a local with a remote run: what the cases of chain, projection and service share.

function Start-Worker {
    <# Starts the kit's worker; the context knows its address and its process then. #>
    param($Context)
    $data = Join-Path $Context.Work 'worker'
    $port = Join-Path $Context.Work 'worker.port'
    Remove-Item -Force -ErrorAction Ignore $port
    New-Item -ItemType Directory -Force $data | Out-Null
    $arguments = 'serve', '--listen', 'http://127.0.0.1:0', '--data', $data, '--workspace', 'projfs', '--slots', '16', '--port-file', $port
    $Context.Worker = Start-Process (Join-Path $Context.Kit 'repr/repr.exe') $arguments -PassThru -WindowStyle Hidden `
        -RedirectStandardOutput (Join-Path $Context.Work 'worker.log') -RedirectStandardError (Join-Path $Context.Work 'worker.errors.log')
    for ($time = 0; -not (Test-Path $port); $time++) {
        Assert-That ($time -lt 600 -and -not $Context.Worker.HasExited) "The worker did not start:`n$(Get-Content -Raw (Join-Path $Context.Work 'worker.errors.log'))"
        Start-Sleep -Milliseconds 100
    }

    $Context.Endpoint = (Get-Content -Raw $port).Trim()
}

function Stop-Worker {
    param($Context)
    if ($Context.Worker -and -not $Context.Worker.HasExited) {
        Stop-Process -Id $Context.Worker.Id -Force
        $Context.Worker.WaitForExit()
    }

    $Context.Worker = $Context.Endpoint = $null
}

function Get-RequesterVariable {
    <# The environment of `repr exec` under test: a requester process of its own. #>
    param($Context)
    @{ REPR_RUNTIME_DIR = Join-Path $Context.Work 'run'; REPR_CACHE_DIR = Join-Path $Context.Work 'cache'; REPR_ENDPOINT = $Context.Endpoint; REPR_FALLBACK = 'fail' }
}

function New-Tree {
    <# Writes files: a hashtable of relative path to text; a path that ends in '\' is a directory. #>
    param([string] $Directory, [hashtable] $Files)
    if (Test-Path -LiteralPath $Directory) { Remove-Item -LiteralPath $Directory -Recurse -Force }
    New-Item -ItemType Directory -Force $Directory | Out-Null
    foreach ($name in $Files.Keys | Sort-Object) {
        $path = Join-Path $Directory $name
        if ($name.EndsWith('\')) { New-Item -ItemType Directory -Force $path | Out-Null; continue }
        New-Item -ItemType Directory -Force (Split-Path $path) | Out-Null
        [IO.File]::WriteAllText($path, $Files[$name])
    }
}

function Get-Tree {
    <# What is below a directory: each name as the file system spells it, with the digest of its content. #>
    param([string] $Directory, [string[]] $OnlyNames = @())
    Get-ChildItem -LiteralPath $Directory -Recurse -Force | Sort-Object FullName | ForEach-Object {
        $name = $_.FullName.Substring($Directory.Length + 1)
        if ($_.PSIsContainer) { "$name\" }
        elseif ($OnlyNames | Where-Object { $name -like $_ }) { $name }
        else { "$name $((Get-FileHash -LiteralPath $_.FullName -Algorithm SHA256).Hash)" }
    }
}

function Compare-Run {
    <#
    Runs a script of cmd.exe here, then on the worker, each time in the same directory with the same files, and throws unless exit code, text
    and all files are the same. OnlyNames: files of which only the name is compared, since they hold a time.
    #>
    param($Context, [string] $Name, [hashtable] $Files, [string] $Script, [string[]] $OnlyNames = @(), [string[]] $Options = @(), [hashtable] $Variables = @{}, [switch] $AnyText)
    $directory = Join-Path $Context.Work 'src' $Name
    $all = $Files + @{ 'run.cmd' = "@echo off`r`n$($Script -replace "`r?`n", "`r`n")`r`n" }
    $command = 'cmd.exe', '/d', '/q', '/c', 'run.cmd'
    New-Tree $directory $all
    $here = Invoke-Program $command[0] $command[1..4] -Expect (0..255) -Directory $directory -Variables $Variables
    $local = @(Get-Tree $directory $OnlyNames)
    New-Tree $directory $all
    $there = Invoke-Program (Join-Path $Context.Kit 'repr/repr.exe') (@('exec', '--no-stdin') + $Options + '--' + $command) -Expect (0..255) -Directory $directory -Variables ($Variables + (Get-RequesterVariable $Context))
    $remote = @(Get-Tree $directory $OnlyNames)
    Assert-That ($here.ExitCode -eq $there.ExitCode) "Exit code $($here.ExitCode) here, $($there.ExitCode) there:`n$($there.Text)"
    Assert-That ($AnyText -or $here.Text -eq $there.Text) "The text differs.`nHere:`n$($here.Text)`nThere:`n$($there.Text)"
    $difference = Compare-Object $local $remote
    Assert-That ($null -eq $difference) "The files differ (=> only there):`n$($difference | Out-String)"
    "exit code $($here.ExitCode), $($remote.Count) files and directories alike"
}
