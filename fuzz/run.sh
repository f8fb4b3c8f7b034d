#!/usr/bin/env bash
# Runs a target for so many seconds, starting from this project's own cases: fuzz/run.sh TARGET [SECONDS]. What it finds
# (a crash, a hang of ten seconds, more than 2 GiB) stands in fuzz/artifacts; once mended, it belongs into fuzz/found/TARGET.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
target=$1 seconds=${2:-600}
mkdir -p "corpus/$target" "artifacts/$target"
python3 seeds.py "$target" "corpus/$target"
exec cargo +nightly fuzz run --fuzz-dir . --sanitizer none "$target" "corpus/$target" -- \
  -max_total_time="$seconds" -jobs=0 -timeout=10 -rss_limit_mb=2048 -max_len=4096 -dict="$target.dict" -print_final_stats=1
