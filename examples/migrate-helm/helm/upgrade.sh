#!/bin/sh
# usage: helm/upgrade.sh TAG    (a new image of the backend; all other values as they are)
set -eu
namespace=clipper-production
helm upgrade clipper charts/clipper -n $namespace --reuse-values --set backend.image.tag="$1" --wait --timeout 5m
kubectl rollout status deployment/clipper-backend -n $namespace
