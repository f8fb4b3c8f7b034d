#!/bin/sh
# Records from a real kube-apiserver what the tests of src/fields/ replay:
#   src/fields/recorded/openapi-v3.json.gz   the schemas of every kind, without descriptions
#   tests/fields/recorded/*.json             objects and managed fields after each step of the scenarios in scenarios.py
# Needs python3 and a KUBECONFIG with a token (tests/controlplane/build.sh prints a folder with a `controlplane` program:
# `controlplane up --dir DIR` writes DIR/kubeconfig). Run again when the recorded version of Kubernetes changes.
set -eu
cd "$(dirname "$0")"
exec python3 record.py "${KUBECONFIG:?set KUBECONFIG to a cluster that may be written to}"
