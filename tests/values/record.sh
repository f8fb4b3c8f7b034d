#!/bin/sh
# Fills the tables again with what Helm answers; the binary is the one that HELM names, or the one in the PATH.
set -eu
cd "$(dirname "$0")/oracle"
for table in set coalesce; do
    go run . "$table" <"../$table.jsonl" >"$table.new"
    mv "$table.new" "../$table.jsonl"
done
cd ../schema-oracle
GOTOOLCHAIN=go1.23.7 go run . <../schema.jsonl >schema.new
mv schema.new ../schema.jsonl
