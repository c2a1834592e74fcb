#!/bin/sh
# A minimal image of this machine's own distribution with what .NET needs of the system (what runtime-deps images have), in an OCI layout.
#     base-image.sh LAYOUT TAG
set -eu
layout=$1 tag=$2
. /etc/os-release
icu=$(dpkg -S '*/libicuuc.so.*' | sed -n 's/:.*//p' | head -n 1)
ssl=$(dpkg -S '*/libssl.so.3' | sed -n 's/:.*//p' | head -n 1)
sources=
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ -e "$file" ] && sources="$sources $file"
done
mmdebstrap --quiet --variant=extract --include="libc6,libgcc-s1,libstdc++6,zlib1g,tzdata,ca-certificates,$icu,$ssl" "$VERSION_CODENAME" "$layout.rootfs.tar" $sources
umoci init --layout "$layout"
umoci new --image "$layout:$tag"
umoci raw add-layer --image "$layout:$tag" "$layout.rootfs.tar"
rm "$layout.rootfs.tar"
