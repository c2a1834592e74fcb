#!/usr/bin/env bash
# Installs the packages that building and testing need and that are missing. Safe to run again.
set -euo pipefail

command -v dotnet >/dev/null || { echo "The .NET 10 SDK is needed: https://dot.net/download" >&2; exit 1; }

# program -> package of Debian and Ubuntu
declare -A packages=([gcc]=gcc [g++]=g++ [clang++]=clang [lld-link]=lld [llvm-rc]=llvm [bazel]=bazel-bootstrap [unshare]=util-linux [ip]=iproute2)
missing=()
for program in "${!packages[@]}"; do
    command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
command -v clang-cl >/dev/null || compgen -G '/usr/bin/clang-cl-*' >/dev/null || missing+=(clang-tools)
[ -e /usr/lib/x86_64-linux-gnu/libc.a ] || [ -e /usr/lib/aarch64-linux-gnu/libc.a ] || missing+=(libc6-dev)
/usr/bin/python3 -c 'import buildstream._artifactcache.casserver' 2>/dev/null || missing+=(buildstream)
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "Missing: ${missing[*]}. Install them with this system's package manager." >&2
    exit 1
fi
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
echo "Installing ${missing[*]}"
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
