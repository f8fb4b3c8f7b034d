# What people and CI run. `just` alone lists the recipes.

default:
    @just --list

# the inner loop
check:
    cargo check --all-targets

fmt:
    cargo fmt --check

clippy:
    cargo clippy --all-targets -- -D warnings

# what is on this machine; what is missing is skipped by name
test:
    cargo test

# record the originals' answers again (helm, Go, the API server), then look at the diff
golden:
    tests/render/golden.sh
    tests/charts/record.sh
    tests/parity/text_template/record.sh
    tests/yaml/record.sh
    tests/values/record.sh
    tests/fields/record.sh
    src/sandbox/recorded/record.sh

# the scenarios that the sandbox and the real API server must answer alike
conformance:
    EVENKEEL_REQUIRE_ALL=1 cargo test --test it sandbox

# evenkeel against helm over generated charts: CASES of them, from a SEED
fuzz-parity CASES="20000" SEED="2":
    tests/parity/oracle/build.sh
    EVENKEEL_PARITY_CASES={{CASES}} EVENKEEL_PARITY_SEED={{SEED}} cargo test --test it parity::generated

# random histories of a repository and of a cluster that others touch, on the sandbox: CASES of them, from a SEED
histories CASES="500" SEED="1":
    EVENKEEL_HISTORIES_CASES={{CASES}} EVENKEEL_HISTORIES_SEED={{SEED}} cargo test --test it histories -- --nocapture

# libFuzzer on parse, execute, yaml or set, for so many seconds (needs nightly Rust and cargo-fuzz)
fuzz TARGET SECONDS="600":
    fuzz/run.sh {{TARGET}} {{SECONDS}}

# nothing is told and nothing written while controllers, an autoscaler and restarts are at work
soak SECONDS="600":
    EVENKEEL_SOAK_SECONDS={{SECONDS}} EVENKEEL_REQUIRE_ALL=1 cargo test --test it drift::controllers

bench:
    cargo bench --bench pipeline --bench engine

# time and memory beside helm's, over the project's charts or a folder of others (docs/benchmarks.md)
bench-render *ARGS:
    cargo bench --bench render -- {{ARGS}}

# the daemon against a real API server, beside a bare client and kubectl (docs/benchmarks.md)
bench-live:
    tests/controlplane/build.sh
    cargo bench --bench live

# the systems of environments/ beside helm: rendered, deployed, nothing to do (docs/benchmarks.md)
bench-systems:
    tests/controlplane/build.sh
    cargo bench --bench systems

deny:
    cargo deny check bans licenses sources

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

demo:
    cargo run --release -- demo

# everything, no skips
ci:
    .ci/run
