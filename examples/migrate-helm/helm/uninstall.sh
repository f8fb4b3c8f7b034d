#!/bin/sh
# usage: helm/uninstall.sh    (the claims, and so the data, stay)
set -eu
helm uninstall clipper -n clipper-production
