#!/usr/bin/env bash
# The referee: builds with Repr beside local builds and beside other tools, in one run. ./eng/bench/run.sh --help. See README.md beside it.
set -euo pipefail
cd "$(dirname "$0")/../.."
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 MSBUILDDISABLENODEREUSE=1
[ "$(id -u)" -eq 0 ] || { echo "Root is needed: the workers are in a network namespace." >&2; exit 1; }
./eng/setup.sh
./eng/bench/peers.sh
bench=$PWD/artifacts/bench
rm -rf "$bench/feed" "$bench/worker"
echo "Packing the SDK, publishing the worker, building the bench"
dotnet pack sdk/Repr.Build.Sdk -c Release -o "$bench/feed" -v:q
dotnet publish src/Repr.Cli -c Release -r "$(dotnet --info | sed -n 's/^ *RID: *//p')" --self-contained -o "$bench/worker" -v:q
dotnet build eng/bench/Repr.Bench -c Release -v:q
exec dotnet eng/bench/Repr.Bench/bin/Release/net10.0/Repr.Bench.dll --repository "$PWD" "$@"
