#!/usr/bin/env bash
# Builds the double of the Projected File System for Linux and for Wine. Usage: build.sh <output directory>
set -euo pipefail
cd "$(dirname "$0")"
out=$(realpath -m "${1:?}")
for program in clang lld-link; do
    command -v $program >/dev/null || { echo "build.sh: $program is missing: run eng/setup.sh" >&2; exit 1; }
done
mkdir -p "$out/obj"
sources=(names.c disk.c library.c tool.c)
flags=(-std=gnu11 -O1 -g -Wall -Wextra -Werror)
clang "${flags[@]}" -fPIC -shared -fvisibility=hidden "${sources[@]}" -o "$out/libProjectedFSLib.so.new" -pthread
mv "$out/libProjectedFSLib.so.new" "$out/libProjectedFSLib.so"
# No start-up code and no stack probes, since there is no compiler support library for the target.
objects=()
for source in "${sources[@]}"; do
    object=$out/obj/${source%.c}.obj
    clang --target=x86_64-w64-windows-gnu "${flags[@]}" -mno-stack-arg-probe -Wno-pragma-pack -D_WIN32_WINNT=0x0A00 -D__USE_MINGW_ANSI_STDIO=0 \
        -c "$source" -o "$object"
    objects+=("$object")
done
mingw=/usr/x86_64-w64-mingw32/lib
lld-link /dll /noentry /machine:x64 "/out:$out/ProjectedFSLib.dll.new" "${objects[@]}" "$mingw/libmsvcrt.a" "$mingw/libkernel32.a"
mv "$out/ProjectedFSLib.dll.new" "$out/ProjectedFSLib.dll"
