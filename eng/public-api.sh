#!/usr/bin/env bash
# Writes the public surface of Repr.Core, as it is now, into PublicAPI.Unshipped.txt. At a release: ./eng/public-api.sh --ship
# moves it into PublicAPI.Shipped.txt. Review the difference: it is what plugins see.
set -euo pipefail
cd "$(dirname "$0")/../src/Repr.Core"
echo '#nullable enable' > PublicAPI.Unshipped.txt
if [ "${1:-}" = --ship ]; then
    echo '#nullable enable' > PublicAPI.Shipped.txt
fi
dotnet restore -v quiet
dotnet format analyzers --no-restore --severity info --diagnostics RS0016 RS0017
if [ "${1:-}" = --ship ]; then
    mv PublicAPI.Unshipped.txt PublicAPI.Shipped.txt
    echo '#nullable enable' > PublicAPI.Unshipped.txt
fi
