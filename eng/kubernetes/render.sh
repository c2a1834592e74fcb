#!/usr/bin/env bash
# Writes repr.yaml beside this file: the chart eng/helm/repr as plain manifests, with the values of eng/helm/values/trusted.yaml.
# With '-' it writes to standard output.
set -euo pipefail
cd "$(dirname "$0")/../.."
helm=artifacts/kubernetes/helm/helm
[ -x "$helm" ] || helm=helm
manifests() {
    echo "# Made by eng/kubernetes/render.sh. A farm in a network that you trust; Redis is the service 'redis' of the namespace."
    "$helm" template repr eng/helm/repr --namespace repr --values eng/helm/values/trusted.yaml | grep -vE '^ +(app.kubernetes.io/managed-by|helm.sh/chart):'
}
if [ "${1:-}" = - ]; then
    manifests
else
    manifests >eng/kubernetes/repr.yaml
fi
