#!/usr/bin/env bash
# Builds the programs that tests/Repr.Driver.Tests runs. Usage: build.sh [output directory].
set -euo pipefail
cd "$(dirname "$0")"
out=$(realpath -m "${1:-../../../artifacts/driver/tests}")
for program in clang lld-link; do
    command -v $program >/dev/null || { echo "build.sh: $program is missing: run eng/setup.sh" >&2; exit 1; }
done
rm -rf "$out"
mkdir -p "$out/obj"
warnings=(-Wall -Wextra -Werror)
mingw=/usr/x86_64-w64-mingw32 wine=/usr/include/wine
windows=(--target=x86_64-w64-windows-gnu -std=gnu11 -fms-extensions -D_WIN32_WINNT=0x0A00 -DNTDDI_VERSION=0x0A000000 "${warnings[@]}" -Wno-multichar
    -Wno-pragma-pack -Wno-microsoft-anon-tag -isystem "$mingw/include/ddk" -isystem ../kernel/compat)

# The core, with sanitizers, with coverage, and as a fuzz target.
core=(../core/*.c)
clang -std=c11 -g -O1 "${warnings[@]}" -Wconversion -Wno-sign-conversion -fsyntax-only "${core[@]}"
clang -std=c11 -g -O1 "${warnings[@]}" -fsanitize=address,undefined -fno-sanitize-recover=all "${core[@]}" core_*test.c -o "$out/core_test"
clang -std=c11 -g -O0 -fprofile-instr-generate -fcoverage-mapping "${core[@]}" core_*test.c -o "$out/core_coverage"
clang -std=c11 -g -O2 "${warnings[@]}" -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all "${core[@]}" core_fuzz.c -o "$out/core_fuzz"

# Layouts: the driver's headers and independent ones (not warning-free, so without warnings); the protocol for both systems.
clang "${windows[@]}" -c layout.c -o "$out/layout_driver.o"
clang --target=x86_64-pc-windows-msvc -w -fms-extensions -DINDEPENDENT -D_WIN32_WINNT=0x0A00 -isystem $wine/wine/windows \
    -isystem $wine/wine/msvcrt -isystem $wine -c layout.c -o "$out/layout_independent.o"
clang "${windows[@]}" -DPROTOCOL -c layout.c -o "$out/layout_protocol_windows.o"
clang -std=c11 "${warnings[@]}" -DPROTOCOL -c layout.c -o "$out/layout_protocol_linux.o"

# The harness: no start-up code and no stack probes, since there is no compiler support library for the target.
for source in harness/*.c; do
    clang "${windows[@]}" -O1 -g -gcodeview -mno-stack-arg-probe -D__USE_MINGW_ANSI_STDIO=0 -c "$source" -o "$out/obj/$(basename "$source" .c).obj"
done
lld-link /subsystem:console /entry:start "/out:$out/harness.exe" "$out"/obj/*.obj "$mingw/lib/libmsvcrt.a" "$mingw/lib/libkernel32.a" "$mingw/lib/libntdll.a"

# The driver once more, with a trap where behaviour is undefined.
EXTRA_CFLAGS="-O1 -fsanitize=undefined -fsanitize-trap=all" ../build.sh "$out/undefined" >/dev/null
