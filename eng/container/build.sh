#!/usr/bin/env bash
# Makes the worker's OCI image, a file for `docker load`, `podman load`, `skopeo copy oci-archive:...`. No container engine is needed.
#     eng/container/build.sh [FILE] [MSBuild options]
# FILE is artifacts/container/repr-worker.tar by default. Options that matter:
#     -p:ContainerBaseImage=registry.example.com/dotnet/runtime-deps:10.0   the base; by default .NET's own for this SDK, from its public registry
#     -p:ContainerImageTag=1.2.3     instead of the version
#     -p:ContainerRegistry=registry.example.com   push it there; no FILE is written
#     -r linux-arm64     another machine's
# A registry without TLS is named in the variable DOTNET_CONTAINER_INSECURE_REGISTRIES, as in localhost:5000.
set -euo pipefail
cd "$(dirname "$0")/../.."
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

file=artifacts/container/repr-worker.tar
if [ $# -gt 0 ] && [[ "$1" != -* ]]; then
    file=$1
    shift
fi
runtime=$(dotnet --info | sed -n 's/^ *RID: *//p' | head -n 1)
output=(-p:ContainerArchiveOutputPath="$(realpath -m "$file")")
[[ " $* " == *ContainerRegistry=* ]] && output=()
[[ " $* " == *" -r "* || " $* " == *" --runtime "* ]] || set -- -r "$runtime" "$@"
dotnet publish src/Repr.Cli -c Release -t:PublishContainer -p:ReprContainer=true -v quiet "${output[@]}" "$@"
[ ${#output[@]} -eq 0 ] || echo "$file"
