#!/bin/sh
# Records what the current kubeconfig's API server serves into the two files beside this script.
# Run it against a fresh server without CustomResourceDefinitions: ./record.sh   (needs kubectl, jq, gzip)
set -eu
cd "$(dirname "$0")"
raw() { kubectl get --raw "$1"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

aggregated() {
    curl -sS -H 'Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' "$proxy/$1"
}
kubectl proxy --port=0 >"$work/proxy" & pid=$!
trap 'kill $pid; rm -rf "$work"' EXIT
until [ -s "$work/proxy" ]; do sleep 0.1; done
proxy="http://$(sed 's/.* //' "$work/proxy")"

version=$(raw /version | jq -r .gitVersion)
{ aggregated api; aggregated apis; } | jq -cS --slurp --arg version "$version" '{
    gitVersion: $version,
    groups: [.[].items[] | {
        name: (.metadata.name // ""),
        versions: [.versions[] | {version, resources}]
    }]
}' | gzip -9n >discovery.json.gz

raw /openapi/v3 | jq -r '.paths | to_entries[] | select(.key | test("^api(s/.+)?/v[^/]*$")) | .value.serverRelativeURL' |
while read -r path; do raw "$path" | jq -cS .components.schemas; done |
jq -cS --slurp 'reduce .[] as $one ({}; . + $one)' | gzip -9n >schemas.json.gz

# kubectl's own `create` subcommands speak protobuf: field numbers, from the published Go modules of the same version.
modules="v0.${version#v1.}"
find $(for m in api apimachinery; do (cd "$work" && go mod download -json "k8s.io/$m@$modules" | jq -r .Dir); done) \
    -name generated.proto | LC_ALL=C sort | xargs awk -f messages.awk | gzip -9n >messages.gz
