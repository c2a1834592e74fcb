#!/usr/bin/env bash
# Installs what is missing, checks the formatting, builds everything and runs all tests.
# Ends with the line 'N passed, N failed, N skipped'. Arguments are the names of test projects; without any, all are run.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
./eng/setup.sh
dotnet build Repr.Build.sln -c Release -warnaserror
dotnet format whitespace Repr.Build.sln --no-restore --verify-no-changes --exclude tests/assets

passed=0 failed=0 skipped=0
rm -f artifacts/*.Tests.log
mkdir -p artifacts
for directory in tests/*.Tests; do
    name=$(basename "$directory")
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
        continue
    fi
    log=artifacts/$name.log
    echo "== $name"
    # The summary of the runner: '   NAME  Total: 3, Errors: 0, Failed: 0, Skipped: 1, Not Run: 0, Time: 1.2s'
    # A background job ignores signals, and that is inherited: the tests send them.
    # A test that hangs ends its project, not the whole run.
    timeout -k 10 3600 env --default-signal=HUP,INT,QUIT,TERM "$directory/bin/Release/net10.0/$name" -noColor -parallel none 2>&1 | tee "$log" | grep -vE '^ +(Discovering|Discovered|Starting|Finished):' || true
    summary=$(grep -oE 'Total: [0-9]+, Errors: [0-9]+, Failed: [0-9]+, Skipped: [0-9]+' "$log" | tail -n 1 || true)
    if [ -z "$summary" ]; then
        echo "$name ended without a summary; see $log" >&2
        failed=$((failed + 1))
        continue
    fi
    read -r total errors bad omitted < <(tr -dc '0-9 \n' <<<"$summary" | xargs)
    passed=$((passed + total - bad - omitted))
    failed=$((failed + errors + bad))
    skipped=$((skipped + omitted))
done
if [ "$failed" -gt 0 ]; then
    # The workers' logs stand between the failures above; once more in one place.
    echo "== Failures"
    grep -h -A 20 '\[FAIL\]' artifacts/*.Tests.log || true
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
