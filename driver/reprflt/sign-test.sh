#!/usr/bin/env bash
# Signs reprflt.sys for a machine in test mode, with a certificate that is made on the first run, and verifies the signature.
# Usage: sign-test.sh [directory of reprflt.sys]. It leaves there reprflt-test.sys and reprflt-test.cer.
#
# On the Windows machine, as administrator, with Secure Boot off:
#   bcdedit /set testsigning on                                   (and restart)
#   certutil -addstore Root reprflt-test.cer
#   certutil -addstore TrustedPublisher reprflt-test.cer
# A release is signed by Microsoft (attestation or WHCP): see docs/windows.md.
set -euo pipefail
directory=$(realpath "${1:-$(dirname "$0")/../../artifacts/driver}")
for program in openssl osslsigncode; do
    command -v $program >/dev/null || { echo "sign-test.sh: $program is missing: run eng/setup.sh" >&2; exit 1; }
done
cd "$directory"
[ -e reprflt.sys ] || { echo "sign-test.sh: no reprflt.sys in $directory: run build.sh" >&2; exit 1; }
if [ ! -e reprflt-test.key ] || [ ! -e reprflt-test.pem ]; then
    umask 077
    openssl req -x509 -newkey rsa:3072 -sha256 -nodes -days 365 -subj "/CN=Repr test signing" -addext extendedKeyUsage=codeSigning \
        -keyout reprflt-test.key -out reprflt-test.pem 2>/dev/null
    openssl x509 -in reprflt-test.pem -outform der -out reprflt-test.cer
fi
rm -f reprflt-test.sys
# With page hashes, which the kernel checks as it reads the image; signing also writes the checksum of the image, which lld-link does not.
osslsigncode sign -certs reprflt-test.pem -key reprflt-test.key -h sha256 -ph -n "Repr file redirection" -in reprflt.sys -out reprflt-test.sys >/dev/null
osslsigncode verify -CAfile reprflt-test.pem -in reprflt-test.sys
