#!/bin/sh
# usage: helm/install.sh    (once, from the repository's root)
set -eu
namespace=clipper-production
kubectl create namespace $namespace
kubectl create secret generic backend-secrets -n $namespace \
    --from-literal DB_PASSWORD=a --from-literal REDIS_PASSWORD=b --from-literal JWT_SECRET=c
kubectl create secret generic postgres-secrets -n $namespace --from-literal POSTGRES_PASSWORD=a
kubectl create secret generic redis-secrets -n $namespace --from-literal REDIS_PASSWORD=b
helm install clipper charts/clipper -n $namespace -f helm/values-production.yaml --wait --timeout 5m
