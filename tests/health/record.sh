#!/bin/sh
# Asks kstatus again about every object of the table.
set -eu
cd "$(dirname "$0")/oracle"
go run . <../kstatus.jsonl >kstatus.new
mv kstatus.new ../kstatus.jsonl
