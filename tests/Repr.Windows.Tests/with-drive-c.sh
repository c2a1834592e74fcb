#!/usr/bin/env bash
# Runs a command in a world in which a directory is /C:, so that a requester on Linux has paths of Windows. Needs root.
# Usage: with-drive-c.sh DIRECTORY COMMAND...
set -euo pipefail
if [ "${REPR_IN_WORLD:-}" != 1 ]; then
    REPR_IN_WORLD=1 exec unshare --mount "$0" "$@"
fi
directory=$1
shift
world=$(mktemp -d)
mount -t tmpfs tmpfs "$world"
mkdir "$world"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$world/upper,workdir=$world/work" "$world/root"
mkdir "$world/root/C:"
mount --bind "$directory" "$world/root/C:"
mount --rbind /proc "$world/root/proc"
mount --rbind /dev "$world/root/dev"
cd "$directory"
unset REPR_IN_WORLD
exec chroot "$world/root" "$@"
