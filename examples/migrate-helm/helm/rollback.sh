#!/bin/sh
# usage: helm/rollback.sh [REVISION]    (default: the one before)
set -eu
helm history clipper -n clipper-production
helm rollback clipper ${1:-} -n clipper-production --wait --timeout 5m
