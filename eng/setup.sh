#!/usr/bin/env bash
# Installs the packages that building and testing need and that are missing. Safe to run again.
set -euo pipefail
command -v dotnet >/dev/null || { echo "The .NET 10 SDK is needed: https://dot.net/download" >&2; exit 1; }
