#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests. Ends with the line 'N passed, N failed, N skipped'.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
./eng/setup.sh
dotnet build Repr.Build.sln -c Release -warnaserror
dotnet test Repr.Build.sln -c Release --no-build --logger trx --results-directory artifacts/test-results
