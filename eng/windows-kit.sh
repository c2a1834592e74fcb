#!/usr/bin/env bash
# Makes the kit that eng/windows-acceptance.ps1 tests on a Windows machine: driver (signed for tests), harness, worker and requester, suites.
# Usage: windows-kit.sh [directory]; default artifacts/windows-kit. Copy it and eng/ there, then: pwsh eng\windows-acceptance.ps1 -Kit ... -Prepare
set -euo pipefail
cd "$(dirname "$0")/.."
kit=${1:-artifacts/windows-kit}
mkdir -p "$kit/driver"
driver/reprflt/build.sh "$kit/driver"
driver/reprflt/tests/build.sh "$kit/driver/tests"
cp "$kit/driver/tests/harness.exe" driver/reprflt/reprflt.inf "$kit/driver/"
driver/reprflt/sign-test.sh "$kit/driver"
publish() { dotnet publish "$1" -c Release -r win-x64 --self-contained -v quiet -o "$kit/$2" "${@:3}"; }
publish src/Repr.Cli repr
publish tests/Repr.Workspaces.Tests workspaces -p:PublishReadyToRun=false
publish tests/Repr.Requester.WindowsSuite requester -p:PublishReadyToRun=false
# The certificate's key stays here.
rm -rf "$kit/driver/tests" "$kit/driver/reprflt-test.key"
echo "The kit is in $kit"
