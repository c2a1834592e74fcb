#!/usr/bin/env bash
# Fetches the sources of a package of Debian as its authors released them: eng/bench/sources.sh CACHE PACKAGE TARGET.
# The system's own lists of packages are not touched. Nothing of it is committed, nothing is patched.
set -euo pipefail
cache=$1 package=$2 target=$3
mkdir -p "$cache/parts" "$cache/lists/partial" "$cache/$package"
options=(-qq -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$cache/parts" -o "Dir::State::Lists=$cache/lists" -o APT::Sandbox::User=root)
if ! compgen -G "$cache/$package/*.orig.tar.*" >/dev/null; then
    # Where binary packages come from, sources come from too.
    for list in /etc/apt/sources.list.d/*.sources; do
        [ ! -e "$list" ] || sed -E 's/^Types:.*/Types: deb-src/' "$list" >"$cache/parts/$(basename "$list")"
    done
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | sed -nE 's/^deb +/deb-src /p' >"$cache/parts/lines.list" || true
    for attempt in 1 2 3; do
        timeout 180 apt-get update "${options[@]}" </dev/null 2>"$cache/error" && break
        [ "$attempt" -lt 3 ] || { echo "apt-get can't read the lists of sources:" >&2; cat "$cache/error" >&2; exit 1; }
    done
    (cd "$cache/$package" && apt-get source "${options[@]}" --download-only "$package" </dev/null)
fi
mkdir -p "$target"
tar -xf "$cache/$package/"*.orig.tar.* --strip-components=1 -C "$target"
