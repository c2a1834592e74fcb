#!/usr/bin/env bash
# Builds reprflt.sys and reprflt.pdb with clang, lld and mingw-w64's headers, and inspects the result. Usage: build.sh [output directory].
# EXTRA_CFLAGS is added to the compiler's options. A release is built with the WDK: reprflt.vcxproj.
set -euo pipefail
cd "$(dirname "$0")"
out=$(realpath -m "${1:-../../artifacts/driver}")
for program in clang lld-link llvm-dlltool llvm-readobj; do
    command -v $program >/dev/null || { echo "build.sh: $program is missing: run eng/setup.sh" >&2; exit 1; }
done

rm -rf "$out/obj"
mkdir -p "$out/obj"
# The kernel saves no vector registers for a driver, has no red zone, and its stack is not probed; __try needs the extensions.
flags=(--target=x86_64-w64-windows-gnu -std=gnu11 -fms-extensions -O2 -g -gcodeview -fno-stack-protector -mno-red-zone -mno-stack-arg-probe
    -mno-implicit-float -D_WIN32_WINNT=0x0A00 -DNTDDI_VERSION=0x0A000000 -Wall -Wextra -Werror -Wno-multichar -Wno-pragma-pack
    -Wno-microsoft-anon-tag -isystem /usr/x86_64-w64-mingw32/include/ddk -isystem kernel/compat)
objects=()
for source in core/*.c kernel/*.c; do
    object=$out/obj/$(basename "$source" .c).obj
    # shellcheck disable=SC2086
    clang "${flags[@]}" ${EXTRA_CFLAGS:-} -c "$source" -o "$object"
    objects+=("$object")
done
for library in fltmgr ntoskrnl; do
    llvm-dlltool -m i386:x86-64 -d kernel/compat/$library.def -l "$out/obj/$library.lib"
done
# An undefined symbol is an error. /integritycheck: PsSetCreateProcessNotifyRoutineEx refuses an image without it.
lld-link /driver /subsystem:native,10.0 /entry:DriverEntry /nodefaultlib /integritycheck /dynamicbase /nxcompat /highentropyva /version:1.0 \
    /debug "/pdb:$out/reprflt.pdb" /pdbaltpath:reprflt.pdb "/out:$out/reprflt.sys" \
    "${objects[@]}" "$out/obj/fltmgr.lib" "$out/obj/ntoskrnl.lib"

headers=$(llvm-readobj --file-headers --coff-imports "$out/reprflt.sys")
imports=$(sed -n 's/^  Name: //p' <<<"$headers" | sort | xargs)
[ "$imports" = "fltmgr.sys ntoskrnl.exe" ] || { echo "build.sh: imports of other modules: $imports" >&2; exit 1; }
for wanted in 'Subsystem: IMAGE_SUBSYSTEM_NATIVE ' IMAGE_DLL_CHARACTERISTICS_FORCE_INTEGRITY IMAGE_DLL_CHARACTERISTICS_NX_COMPAT \
    IMAGE_DLL_CHARACTERISTICS_DYNAMIC_BASE IMAGE_DLL_CHARACTERISTICS_HIGH_ENTROPY_VA IMAGE_FILE_MACHINE_AMD64; do
    grep -q "$wanted" <<<"$headers" || { echo "build.sh: $wanted is missing in the image" >&2; exit 1; }
done
echo "imports: $imports"
echo "subsystem: native, force integrity, $(stat -c %s "$out/reprflt.sys") bytes: $out/reprflt.sys"
