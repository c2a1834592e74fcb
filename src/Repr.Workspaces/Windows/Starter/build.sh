#!/usr/bin/env bash
# Builds repr-start.exe with clang, lld and mingw-w64's headers and import libraries. Usage: build.sh FILE.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1
for program in clang lld-link; do
    command -v $program >/dev/null || { echo "build.sh: $program is missing: run eng/setup.sh" >&2; exit 1; }
done
mkdir -p "$(dirname "$out")"
clang --target=x86_64-w64-windows-gnu -std=gnu11 -O2 -ffreestanding -fno-builtin -mno-stack-arg-probe -D_WIN32_WINNT=0x0A00 -DUNICODE \
    -Wall -Wextra -Werror -c "$here/repr-start.c" -o "$out.obj"
# A console program, so that the tools it starts share its console.
lld-link /subsystem:console /entry:start /nodefaultlib /dynamicbase /nxcompat /highentropyva "/out:$out" "$out.obj" \
    /usr/x86_64-w64-mingw32/lib/libkernel32.a
rm "$out.obj"
