#!/bin/sh
# Records what helm prints of every chart under tests/charts, and the names of the functions that it registers.
# usage: tests/charts/record.sh    (from the project's root; EVENKEEL_HELM names the binary)
set -eu
(cd tests/charts/oracle && go run . >../functions.txt)
EVENKEEL_RECORD=1 cargo test --test it charts::charts_are_recorded
