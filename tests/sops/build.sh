#!/usr/bin/env bash
# Builds SOPS, which the tests hold evenkeel against, and prints its path.
#
#   tests/sops/build.sh           build unless it is there (2 minutes of one core cold, and its downloads)
#   tests/sops/build.sh --path    print the path, build nothing; exit 1 if it is not there
set -euo pipefail

version=v3.11.0
folder="${XDG_CACHE_HOME:-$HOME/.cache}/evenkeel/sops"
sops="$folder/sops"

if [[ "${1:-}" == --path ]]; then
  echo "$sops"
  [[ -x "$sops" ]]
  exit
fi
if [[ ! -x "$sops" || "$(cat "$folder/version" 2>/dev/null)" != "$version" ]]; then
  partial=$(mktemp -d)
  trap 'rm -rf "$partial"' EXIT
  # Away from any go.mod, whose versions would be taken.
  (cd "$partial" && CGO_ENABLED=0 GOBIN="$partial" go install -trimpath -ldflags "-s -w" "github.com/getsops/sops/v3/cmd/sops@$version") >&2
  mkdir -p "$folder"
  mv "$partial/sops" "$sops"
  echo "$version" >"$folder/version"
fi
echo "$sops"
