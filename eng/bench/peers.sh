#!/usr/bin/env bash
# Installs the tools that Repr is measured beside, and what builds with them need, where they are missing (Debian, Ubuntu).
set -euo pipefail

# program -> package
declare -A packages=([gcc]=gcc [g++]=g++ [clang]=clang [make]=make [cmake]=cmake [distcc]=distcc [distcc-pump]=distcc-pump [icecc]=icecc
    [ccache]=ccache [sccache]=sccache [ip]=iproute2 [/usr/bin/python3]=python3 [bzip2]=bzip2 [xz]=xz-utils)
missing=()
for program in "${!packages[@]}"; do
    command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "Installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
