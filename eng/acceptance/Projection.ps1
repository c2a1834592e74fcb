# What a tool may do to a projected tree, by the names of VFSForGit's native tests: each file is first only in the projection (virtual), then
# looked at (placeholder), read (hydrated) or written (full).

$script:tree = @{ 'file.txt' = 'file'; 'other.txt' = 'other'; 'dir\a.txt' = 'a'; 'dir\b.txt' = 'b'; 'dir\sub\c.txt' = 'c'; 'empty\' = '' }

$script:scripts = [ordered]@{
    'delete-virtual-file' = 'del file.txt & dir /b'
    'delete-placeholder-file' = 'dir file.txt >nul & del file.txt & dir /b'
    'delete-hydrated-file' = 'type file.txt >nul & del file.txt & dir /b'
    'delete-full-file' = 'echo more>>file.txt & del file.txt & dir /b'
    'delete-and-create' = 'del file.txt & echo new>file.txt & type file.txt'
    'delete-case' = 'del FILE.TXT & dir /b'
    'delete-empty-directory' = 'rd empty & dir /b'
    'delete-full-directory' = 'rd dir & echo %errorlevel% & dir /b'
    'delete-tree' = 'rd /s /q dir & dir /b'
    'delete-tree-and-create' = 'rd /s /q dir & md dir & echo x>dir\a.txt & dir /b /s dir | find /c ":"'
    'move-virtual-file' = 'move file.txt moved.txt >nul & dir /b'
    'move-hydrated-file' = 'type file.txt >nul & move file.txt dir\moved.txt >nul & dir /b dir'
    'move-full-file' = 'echo more>>file.txt & move file.txt dir >nul & type dir\file.txt'
    'move-onto-virtual' = 'move /y file.txt other.txt >nul & type other.txt'
    'move-onto-full' = 'echo x>>other.txt & move /y file.txt other.txt >nul & type other.txt'
    'move-and-create' = 'move file.txt moved.txt >nul & echo new>file.txt & type file.txt & type moved.txt'
    'move-there-and-back' = 'move file.txt t.txt >nul & move t.txt file.txt >nul & type file.txt & dir /b'
    'move-full-directory' = 'md new & echo x>new\x.txt & move new dir\new >nul & dir /b dir\new'
    'rename-case' = 'ren file.txt FILE.TXT & dir /b'
    'enumerate' = 'dir /b & dir /b /s | find /c ":"'
    'enumerate-pattern' = 'dir /b *.txt & dir /b d* & dir /b ?ther.* & dir /b nothing.*'
    'enumerate-after-delete' = 'del dir\a.txt & dir /b dir'
    'enumerate-after-create' = 'echo x>dir\aa.txt & echo x>dir\zz.txt & dir /b /on dir'
    'enumerate-while-deleting' = 'for /r %%f in (*.txt) do @del "%%f"' + "`ndir /b /s /a-d"
    'write-over' = 'echo short>file.txt & type file.txt'
    'append' = 'echo more>>file.txt & type file.txt'
    'attributes' = 'attrib +r file.txt & echo x>file.txt & echo %errorlevel% & attrib -r file.txt & attrib file.txt | find /c "A"'
    'create-directory-over-file' = 'md file.txt & echo %errorlevel%'
    'hard-link' = 'mklink /h linked.txt file.txt >nul & echo x>>linked.txt & type file.txt'
    'missing' = 'type nothing.txt & type dir\nothing.txt & type nothing\x.txt'
    'copy-file' = 'copy file.txt copied.txt >nul & copy /y other.txt file.txt >nul & type file.txt & type copied.txt'
}

foreach ($name in $script:scripts.Keys) {
    New-AcceptanceCase -Name "projection.$name" -Title $script:scripts[$name] -Needs Windows, Kit, Worker -Data $name -Run {
        param($Context, $Name)
        Compare-Run $Context "projection-$Name" $script:tree $script:scripts[$Name]
    }
}
