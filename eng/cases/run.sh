#!/usr/bin/env bash
# Which awkward compiler cases run remotely, and are the results those of a local run? Repr beside distcc, pump, icecc and ccache:
# ./eng/cases/run.sh [--only NAME] [--tools repr,distcc,pump,icecc,ccache] [--skip-costs] [--skip-cases]. See README.md beside it.
set -euo pipefail
cd "$(dirname "$0")/../.."
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 MSBUILDDISABLENODEREUSE=1
[ "$(id -u)" -eq 0 ] || { echo "Root is needed: the workers are in a network namespace, and icecc's makes a chroot." >&2; exit 1; }
./eng/setup.sh

./eng/bench/peers.sh

# program -> package of Debian, beyond those tools
declare -A packages=([script]=bsdutils [file]=file)
missing=()
for program in "${!packages[@]}"; do
    command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
compgen -c clang-cl >/dev/null || missing+=(clang-tools)
if [ ${#missing[@]} -gt 0 ]; then
    echo "Installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

echo "Publishing repr, building the measurement"
rm -rf artifacts/cases/repr
dotnet publish src/Repr.Cli -c Release -o artifacts/cases/repr -v:q
dotnet build eng/cases/Repr.Cases -c Release -v:q
exec dotnet eng/cases/Repr.Cases/bin/Release/net10.0/Repr.Cases.dll --repository "$PWD" "$@"
