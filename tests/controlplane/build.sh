#!/usr/bin/env bash
# Builds the control plane that the tests run against, once for each version of its sources,
# and prints the folder that holds it: controlplane, kwok, and links named kubectl, etcd,
# kube-apiserver, kube-controller-manager and kube-scheduler.
#
#   tests/controlplane/build.sh           build unless it is there (5 minutes cold on 2 cores)
#   tests/controlplane/build.sh --path    print the folder, build nothing; exit 1 if it is not there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

sources=(*.go go.mod go.sum kwok/*.go kwok/*.yaml kwok/go.mod kwok/go.sum build.sh)
if command -v sha256sum >/dev/null; then sum=(sha256sum); else sum=(shasum -a 256); fi
key=$(cat "${sources[@]}" | "${sum[@]}" | cut -c1-16)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/evenkeel/controlplane"
folder="$cache/$key"

if [[ "${1:-}" == --path ]]; then
  echo "$folder"
  [[ -x "$folder/controlplane" ]]
  exit
fi
if [[ -x "$folder/controlplane" ]]; then
  echo "$folder"
  exit
fi

mkdir -p "$cache"
if command -v flock >/dev/null; then # two callers at once: the second finds what the first built
  exec 9>"$cache/lock"
  flock 9
  if [[ -x "$folder/controlplane" ]]; then
    echo "$folder"
    exit
  fi
fi

kubernetes=$(sed -n 's|^\tk8s.io/kubernetes \(v[0-9.]*\)$|\1|p' go.mod)
minor=${kubernetes#v1.}
minor=${minor%%.*}
version=k8s.io/component-base/version
kubectl=k8s.io/client-go/pkg/version
flags="-s -w"
for package in "$version" "$kubectl"; do
  flags+=" -X $package.gitVersion=$kubernetes -X $package.gitMajor=1 -X $package.gitMinor=$minor"
done

partial=$(mktemp -d "$cache/partial.XXXXXX")
trap 'rm -rf "$partial"' EXIT
export CGO_ENABLED=0
go build -trimpath -buildvcs=false -ldflags "$flags" -o "$partial/controlplane" . >&2
(cd kwok && go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$partial/kwok" .) >&2
for name in kubectl etcd kube-apiserver kube-controller-manager kube-scheduler; do
  ln -s controlplane "$partial/$name"
done
chmod 755 "$partial"
rm -rf "$folder"
mv "$partial" "$folder"
trap - EXIT
echo "$folder"
