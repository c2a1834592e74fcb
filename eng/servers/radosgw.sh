#!/usr/bin/env bash
# A Ceph object gateway (S3) of one process of each kind, for tests and benches: radosgw.sh DIRECTORY PORT ACCESS_KEY SECRET_KEY
# All is below DIRECTORY and on loopback; it writes 'ready' when it serves, and ends with all its processes on SIGTERM. Started again on the
# same directory and port, also after a kill, it has what it had; a directory that is not its own must be empty.
set -euo pipefail
directory=$1 port=$2 access=$3 secret=$4
mon=$((port + 1))
mkdir -p "$directory"/{mon,osd,run}
cd "$directory"
umask 077
isNew=true
if [ -e complete ]; then isNew=false; fi
[ $isNew = false ] || cat >ceph.conf <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon host = [v2:127.0.0.1:$mon/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind port min = $((port + 2))
ms bind port max = $((port + 60))
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = $directory/keyring
run dir = $directory/run
admin socket =
log to file = false
log to stderr = false
mon cluster log to file = false
mon initial members = a
mon data = $directory/mon
mon allow pool size one = true
mon data avail crit = 1
mon data avail warn = 2
mon pg warn on no replicas = false
osd data = $directory/osd
osd objectstore = bluestore
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd memory target = 939524096
bluestore block size = 8589934592
bluestore block wal size = 100663296
bluestore fsck on mount = false
rgw enable usage log = false
rgw enable gc threads = true
rgw frontends = beast endpoint=127.0.0.1:$port
CONF
export CEPH_CONF=$directory/ceph.conf CEPH_ARGS="--conf $directory/ceph.conf"
processes=()
stop() {
    trap - TERM INT EXIT
    [ ${#processes[@]} -eq 0 ] || kill -KILL "${processes[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
}
trap 'stop; exit 0' TERM INT
trap stop EXIT

[ $isNew = false ] || {
    ceph-authtool --create-keyring keyring --gen-key -n mon. --cap mon 'allow *'
    ceph-authtool keyring --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
    ceph-authtool keyring --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
    monmaptool --create --addv a "[v2:127.0.0.1:$mon]" --fsid "$(sed -n 's/^fsid = //p' ceph.conf)" monmap
    ceph-mon --mkfs -i a --monmap monmap --keyring keyring
} >setup.log 2>&1
ceph-mon -f -i a >mon.log 2>&1 & processes+=($!)
[ $isNew = false ] || {
    timeout 60 ceph osd new "$(cat /proc/sys/kernel/random/uuid)"
    ceph-osd --mkfs -i 0 --osd-uuid "$(timeout 60 ceph osd dump -f json | grep -oP '"uuid":"\K[^"]+' | head -n 1)" --no-mon-config
} >>setup.log 2>&1
ceph-osd -f -i 0 >osd.log 2>&1 & processes+=($!)
radosgw -f -n client.admin >rgw.log 2>&1 & processes+=($!)
[ $isNew = false ] || timeout 90 radosgw-admin user create --uid repr --display-name repr --access-key "$access" --secret-key "$secret" >>setup.log 2>&1
for _ in $(seq 600); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        touch complete
        echo ready
        wait
        exit 0
    fi
    kill -0 "${processes[2]}" 2>/dev/null || break
    sleep 0.1
done
echo "The gateway did not start; see $directory/*.log" >&2
exit 1
