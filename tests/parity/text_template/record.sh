#!/bin/sh
# Records what Go answers to every case: with the version that helm 3.17 is built with, and with the one installed.
set -eu
cd "$(dirname "$0")/oracle"
GOTOOLCHAIN=go1.23.7 go run . ../cases ../expected/go1.23
GOTOOLCHAIN=local go run . ../cases ../expected/current
