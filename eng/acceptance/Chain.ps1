# The chain with real tools: requester, worker, driver, projection. Each case compares a local with a remote run.

New-AcceptanceCase -Name 'service.start' -Title 'The worker starts with the workspace projfs' -Needs Windows, Kit, Administrator, ProjFS, Driver -Run {
    param($Context)
    Start-Worker $Context
    $Context.Endpoint
}

# A developer's command prompt, as a part of each script.
function Get-Prompt { "call `"$(Find-VisualStudio)\VC\Auxiliary\Build\vcvars64.bat`" >nul" }
function Get-ToolRoot { '--read-root', (Find-VisualStudio), '--read-root', "${env:ProgramFiles(x86)}\Windows Kits" }

$script:sources = @{ 'inc\a.h' = "#pragma once`r`n#define A 1`r`n"; 'main.cpp' = "#include `"inc\A.h`"`r`n#include <vector>`r`nint other();`r`nint main() { std::vector<int> v(A); return other() + (int)v.size() - 1; }`r`n" }
1..8 | ForEach-Object { $script:sources["part$_.cpp"] = "#include `"inc/a.h`"`r`n#include <string>`r`nint part$_() { return A + (int)std::string(`"x`").size(); }`r`n" }
$script:sources['other.cpp'] = "int other() { return 0; }`r`n"

New-AcceptanceCase -Name 'chain.cl' -Title 'cl /Zi /FS /MP: objects, listing and shared PDB' -Needs Windows, Kit, Worker, VisualStudio -Run {
    param($Context)
    # The PDB of a compile holds a fresh GUID.
    Compare-Run $Context 'cl' $script:sources "$(Get-Prompt)`ncl /nologo /c /EHsc /Brepro /Zi /FS /MP4 /Fdall.pdb /showIncludes *.cpp > includes.txt`n" -OnlyNames '*.pdb', '*.obj', 'includes.txt' -Options (Get-ToolRoot) -AnyText
    $listed = Get-Content (Join-Path $Context.Work 'src\cl\includes.txt')
    Assert-That (-not ($listed -match [regex]::Escape((Join-Path $Context.Work 'worker')))) 'A path of the staging directory is in /showIncludes.'
}
New-AcceptanceCase -Name 'chain.cl-z7' -Title 'cl /Z7 /Brepro: the same bytes' -Needs Windows, Kit, Worker, VisualStudio -Run {
    param($Context)
    Compare-Run $Context 'cl-z7' $script:sources "$(Get-Prompt)`ncl /nologo /c /EHsc /Brepro /experimental:deterministic /Z7 *.cpp`n" -Options (Get-ToolRoot) -AnyText
}
New-AcceptanceCase -Name 'chain.link' -Title 'link /DEBUG: the program runs, its PDB names no path of the worker' -Needs Windows, Kit, Worker, VisualStudio -Run {
    param($Context)
    Compare-Run $Context 'link' $script:sources "$(Get-Prompt)`ncl /nologo /EHsc /Zi /FS main.cpp other.cpp /Feprogram.exe /link /DEBUG /Brepro`nprogram.exe`n" -OnlyNames '*.pdb', '*.obj', '*.exe', '*.ilk' -Options (Get-ToolRoot) -AnyText
    $text = [Text.Encoding]::Latin1.GetString([IO.File]::ReadAllBytes((Join-Path $Context.Work 'src\link\program.pdb')))
    Assert-That (-not $text.Contains((Join-Path $Context.Work 'worker'))) 'A path of the staging directory is in the PDB.'
}
New-AcceptanceCase -Name 'chain.rc' -Title 'rc: the same bytes' -Needs Windows, Kit, Worker, VisualStudio -Run {
    param($Context)
    Compare-Run $Context 'rc' @{ 'res.rc' = "#include <windows.h>`r`n#include `"id.h`"`r`nTEXT RCDATA { `"x`", ID }`r`n"; 'id.h' = "#define ID 7`r`n" } "$(Get-Prompt)`nrc /nologo /fo res.res res.rc`n" -Options (Get-ToolRoot)
}
New-AcceptanceCase -Name 'chain.midl' -Title 'midl, which starts cl' -Needs Windows, Kit, Worker, VisualStudio -Run {
    param($Context)
    # What it writes names the time.
    Compare-Run $Context 'midl' @{ 'x.idl' = "import `"oaidl.idl`";`r`n[uuid(11111111-2222-3333-4444-555555555555), object] interface IX : IUnknown { HRESULT F([in] int i); };`r`n" } "$(Get-Prompt)`nmidl /nologo /env x64 x.idl`n" -OnlyNames '*.c', '*.h' -Options (Get-ToolRoot) -AnyText
}
New-AcceptanceCase -Name 'chain.msbuild' -Title 'msbuild.exe builds a C++ project as one action' -Needs Windows, Kit, Worker, VisualStudio -Run {
    param($Context)
    $project = @'
<Project DefaultTargets="Build" xmlns="http://schemas.microsoft.com/developer/msbuild/2003">
  <ItemGroup><ProjectConfiguration Include="Release|x64"><Configuration>Release</Configuration><Platform>x64</Platform></ProjectConfiguration></ItemGroup>
  <Import Project="$(VCTargetsPath)\Microsoft.Cpp.Default.props" />
  <PropertyGroup><ConfigurationType>Application</ConfigurationType><PlatformToolset>$(DefaultPlatformToolset)</PlatformToolset></PropertyGroup>
  <Import Project="$(VCTargetsPath)\Microsoft.Cpp.props" />
  <ItemGroup><ClCompile Include="*.cpp" /></ItemGroup>
  <Import Project="$(VCTargetsPath)\Microsoft.Cpp.targets" />
</Project>
'@
    Compare-Run $Context 'msbuild' ($script:sources + @{ 'app.vcxproj' = $project }) "$(Get-Prompt)`nmsbuild app.vcxproj /nologo /v:q /p:Configuration=Release /p:Platform=x64 /nodeReuse:false`n" -OnlyNames '*' -Options (Get-ToolRoot) -AnyText
}
New-AcceptanceCase -Name 'chain.paths' -Title 'A tool that canonicalises its paths sees the requester''s' -Needs Windows, Kit, Worker -Run {
    param($Context)
    Compare-Run $Context 'paths' @{ 'Sub\File.txt' = 'x' } "cd sub`nfor %%f in (FILE.TXT) do echo %%~ff`npowershell -NoProfile -Command `"(Get-Item file.txt).FullName; [IO.Path]::GetFullPath('..\sub\file.txt')`"`n"
}
New-AcceptanceCase -Name 'chain.copy' -Title 'robocopy and xcopy of a projected tree' -Needs Windows, Kit, Worker -Run {
    param($Context)
    Compare-Run $Context 'copy' @{ 'from\a.txt' = 'a'; 'from\sub\b.txt' = 'b'; 'from\empty\' = '' } "robocopy from to1 /e /njh /njs /ndl /nc /ns /np >nul`nxcopy /e /i /q from to2 >nul`n"
}
New-AcceptanceCase -Name 'chain.long-path' -Title 'Paths of more than 260 characters' -Needs Windows, Kit, Worker -Run {
    param($Context)
    $deep = (1..12 | ForEach-Object { "directory-with-a-long-name-$_" }) -join '\'
    Compare-Run $Context 'long' @{ "$deep\in.txt" = 'deep' } "powershell -NoProfile -Command `"`$d = '\\?\' + (Get-Location).Path + '\$deep'; [IO.File]::WriteAllText(`$d + '\out.txt', [IO.File]::ReadAllText(`$d + '\in.txt') + '!')`"`n"
}
