#!/usr/bin/env bash
# Builds a real solution locally and through a worker that has no .NET of its own, and compares every output byte by byte.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD demo=$PWD/artifacts/demo
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 MSBUILDDISABLENODEREUSE=1
export REPR_RUNTIME_DIR=$demo/run REPR_CACHE_DIR=$demo/cache
./eng/setup.sh

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

rm -rf "$demo" && mkdir -p "$demo/empty"
say "1. Packing the SDK, publishing the worker"
dotnet pack sdk/Repr.Build.Sdk -c Release -o "$demo/feed" -v:q
dotnet publish src/Repr.Cli -c Release -r linux-x64 --self-contained -o "$demo/worker" -v:q

say "2. Starting a worker: an empty directory, a PATH without dotnet"
(cd "$demo/empty" && exec env -i HOME="$demo/empty" PATH=/nonexistent \
    "$demo/worker/repr" serve --listen http://127.0.0.1:0 --data "$demo/data" --port-file "$demo/port" >"$demo/worker.log" 2>&1) &
worker=$!
trap 'dotnet "$demo/packages/repr.build.sdk/0.1.0/tools/net10.0/repr.dll" shutdown --force >/dev/null 2>&1 || true; kill "$worker" 2>/dev/null || true' EXIT
for _ in $(seq 300); do
    [ -f "$demo/port" ] && break
    kill -0 "$worker" 2>/dev/null || { cat "$demo/worker.log" >&2; exit 1; }
    sleep 0.1
done
endpoint=$(cat "$demo/port")
grep listens "$demo/worker.log"

cp -r tests/assets/SampleSolution "$demo/solution"
cat >"$demo/solution/nuget.config" <<XML
<configuration>
  <packageSources>
    <clear />
    <add key="demo" value="$demo/feed" />
    <add key="nuget.org" value="https://api.nuget.org/v3/index.json" />
  </packageSources>
  <config><add key="globalPackagesFolder" value="$demo/packages" /></config>
</configuration>
XML
cd "$demo/solution"

clean() { find . -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +; }
outputs() { # not .sarif: it holds the run times of analyzers
    find . \( -path '*/bin/*' -o -path '*/obj/*' \) -type f \
        \( -name '*.dll' -o -name '*.pdb' -o -name '*.xml' -o -name '*.cs' -o -name '*.resources' \) -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum
}
build() { # name, arguments
    local name=$1 start=$SECONDS
    shift
    dotnet build Depot.slnx -m:2 -v:q -p:IncludeSourceRevisionInInformationalVersion=false "$@" >"$demo/$name.log" || { cat "$demo/$name.log" >&2; exit 1; }
    outputs >"$demo/$name.sum"
    echo "$name: $((SECONDS - start)) s, $(wc -l <"$demo/$name.sum") output files"
}
report() { # name: adds up the build record
    awk -v RS='\n' '
        function number(key) { return match($0, "\"" key "\":[0-9]+") ? substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) : 0 }
        /"outcome":"remote"/ { remote++ }
        /"cached_tool_ms"/ { known++ }
        !/"outcome":"remote"/ { other++ }
        { mapped += number("mapped"); asked += number("asked_back"); files += number("uploaded_files"); bytes += number("uploaded_bytes") }
        END { printf "  compiles: %d remote, of which %d known, %d local; files: %d mapped, %d asked back, %d uploaded (%.1f MB)\n",
              remote, known, other, mapped, asked, files, bytes / 1e6; exit other > 0 }
    ' "$REPR_CACHE_DIR/records/$1.jsonl"
}

say "3. Local build"
build local
clean
say "4. Remote build through $endpoint"
build remote -p:ReprEndpoint="$endpoint" -p:ReprBuildId=remote
report remote
clean
say "5. Remote build again: the worker knows the results, nothing is uploaded"
build again -p:ReprEndpoint="$endpoint" -p:ReprBuildId=again
report again

say "6. Comparison"
for name in remote again; do
    diff "$demo/local.sum" "$demo/$name.sum" || { echo "The $name build differs from the local build." >&2; exit 1; }
done
dotnet build Depot.slnx -v:q -p:IncludeSourceRevisionInInformationalVersion=false -question >"$demo/question.log" || { echo "The remote outputs are not up to date for MSBuild." >&2; exit 1; }
echo "All $(wc -l <"$demo/local.sum") outputs of both remote builds are byte-identical to the local build, and MSBuild finds nothing to do."
