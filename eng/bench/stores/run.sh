#!/usr/bin/env bash
# Measures the store plugins beside their clients: ./eng/bench/stores/run.sh [--rounds N] [--store NAME]. See README.md beside it.
set -euo pipefail
cd "$(dirname "$0")/../../.."
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
./eng/setup.sh
dotnet build eng/bench/stores/Repr.StoresBench -c Release -v:q
exec dotnet eng/bench/stores/Repr.StoresBench/bin/Release/net10.0/Repr.StoresBench.dll "$@"
