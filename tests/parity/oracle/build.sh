#!/usr/bin/env bash
# Builds the oracle with the Go that helm 3.17.3 is built with, once for each version of its sources, and prints its path.
#
#   tests/parity/oracle/build.sh           build unless it is there
#   tests/parity/oracle/build.sh --path    print the path, build nothing; exit 1 if it is not there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if command -v sha256sum >/dev/null; then sum=(sha256sum); else sum=(shasum -a 256); fi
key=$(cat main.go go.mod go.sum build.sh | "${sum[@]}" | cut -c1-16)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/evenkeel/parity-oracle"
oracle="$cache/$key"

if [[ "${1:-}" == --path ]]; then
  echo "$oracle"
  [[ -x "$oracle" ]]
  exit
fi
if [[ ! -x "$oracle" ]]; then
  mkdir -p "$cache"
  # What helm's own build sets: its version and that of its Kubernetes client.
  chartutil=helm.sh/helm/v3/pkg/chartutil
  version=helm.sh/helm/v3/internal/version
  flags="-s -w -X $chartutil.k8sVersionMajor=1 -X $chartutil.k8sVersionMinor=32"
  flags+=" -X $version.version=v3.17.3 -X $version.metadata= -X $version.gitTreeState=clean"
  flags+=" -X $version.gitCommit=e4da49785aa6e6ee2b86efd5dd9e43400318262b"
  partial=$(mktemp "$cache/partial.XXXXXX")
  trap 'rm -f "$partial"' EXIT
  CGO_ENABLED=0 GOTOOLCHAIN=go1.23.7 go build -trimpath -buildvcs=false -ldflags "$flags" -o "$partial" . >&2
  chmod 755 "$partial"
  mv "$partial" "$oracle"
  trap - EXIT
fi
echo "$oracle"
