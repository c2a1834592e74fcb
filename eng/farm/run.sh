#!/usr/bin/env bash
# A real farm under trial: workers in network namespaces, Redis, requesters that build, and what happens to farms:
# ./eng/farm/run.sh shares|builds|kill|partition|redis|scale [--workers N] [--seconds N] [--seed N]. See README.md beside it.
set -euo pipefail
cd "$(dirname "$0")/../.."
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 MSBUILDDISABLENODEREUSE=1
[ "$(id -u)" -eq 0 ] || { echo "Root is needed: each worker is in a network namespace of its own." >&2; exit 1; }
./eng/setup.sh
farm=$PWD/artifacts/farm
rm -rf "$farm/feed" "$farm/repr"
echo "Packing the SDK, publishing repr, building the trial"
dotnet pack sdk/Repr.Build.Sdk -c Release -o "$farm/feed" -v:q
dotnet publish src/Repr.Cli -c Release -r "$(dotnet --info | sed -n 's/^ *RID: *//p')" --self-contained -o "$farm/repr" -v:q
dotnet build eng/farm/Repr.FarmTrial -c Release -v:q
exec dotnet eng/farm/Repr.FarmTrial/bin/Release/net10.0/Repr.FarmTrial.dll --repository "$PWD" "$@"
