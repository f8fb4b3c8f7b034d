#!/bin/sh
# Records what helm renders of the clipper charts, with their own values and with those of every environment, and of secrets.
# usage: tests/render/golden.sh    (from the project's root; HELM names the binary)
set -eu
helm=${HELM:-helm}
out=tests/render/golden
rm -f "$out"/*.yaml
for chart in charts/clipper*; do
    name=$(basename "$chart")
    "$helm" template clipper "$chart" 2>/dev/null > "$out/default-$name.yaml"
done
"$helm" template secrets charts/secrets -f tests/render/secrets.yaml > "$out/secrets.yaml"
for environment in clipper-development clipper-staging clipper-production; do
    for release in clipper postgres redis; do
        chart=charts/clipper-$release
        [ "$release" = clipper ] && chart=charts/clipper
        "$helm" template "$release" "$chart" --namespace "$environment" \
            -f "environments/clipper-base/$release/values.yaml" -f "environments/$environment/$release/values.yaml" \
            2>/dev/null > "$out/$environment-$release.yaml"
    done
done
