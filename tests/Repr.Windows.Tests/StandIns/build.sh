#!/usr/bin/env bash
# Builds the stand-ins and the tools of these tests for Windows. Usage: build.sh <output directory>
set -euo pipefail
cd "$(dirname "$0")"
out=$(realpath -m "${1:?}")
for program in clang lld-link; do
    command -v $program >/dev/null || { echo "build.sh: $program is missing: run eng/setup.sh" >&2; exit 1; }
done
mkdir -p "$out/obj"
mingw=/usr/x86_64-w64-mingw32/lib
core=../../../driver/reprflt/core double=../../Repr.Workspaces.Tests/ProjFs/Double
# No start-up code and no stack probes, since there is no compiler support library for the target.
compile() {
    clang --target=x86_64-w64-windows-gnu -std=gnu11 -O1 -g -gcodeview -fms-extensions -Wall -Wextra -Werror -Wno-pragma-pack -Wno-microsoft-anon-tag \
        -mno-stack-arg-probe -D_WIN32_WINNT=0x0A00 -D__USE_MINGW_ANSI_STDIO=0 -c "$1" -o "$out/obj/$2.obj"
}
link() {
    local name=$1 objects=()
    shift
    for object in "$@"; do
        case $object in
            /*) objects+=("$object") ;;
            *) objects+=("$out/obj/$object.obj") ;;
        esac
    done
    lld-link /machine:x64 "/out:$out/$name" "${objects[@]}" "$mingw"/lib{msvcrt,kernel32,user32,ntdll}.a
}
for source in "$core"/*.c; do compile "$source" "core_$(basename "$source" .c)"; done
for source in "$double"/*.c; do compile "$source" "double_$(basename "$source" .c)"; done
for source in *.c; do compile "$source" "$(basename "$source" .c)"; done
link fltlib.dll /dll /entry:DllMain fltlib core_pathmap core_processes core_text
link reprhook.dll /dll /entry:DllMain hook hook_process core_pathmap core_text
link ProjectedFSLib.dll /dll /entry:StageMain stage double_library double_tool double_disk double_names
link task.exe /subsystem:console /entry:start task
