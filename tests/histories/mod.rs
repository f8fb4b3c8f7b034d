//! Random histories of a repository and of a cluster that others touch, too: after each step real passes are made on the sandbox, and
//! what is there is held against what Git says, what was owned, and what is somebody else's.
//!
//! Few and short by default; `EVENKEEL_HISTORIES_CASES` and `EVENKEEL_HISTORIES_SEED` ask for more (`just histories`). What fails is
//! shrunk, and its seed goes into `proptest-regressions/histories.txt`, which is committed and tried first.

mod check;
mod repository;
mod steps;
mod world;

use proptest::test_runner::{Config, FileFailurePersistence, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Histories by default: a few seconds.
const CASES: u32 = 10;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")))
}

#[test]
fn live_is_what_git_says_after_every_step() {
    let cases = number("EVENKEEL_HISTORIES_CASES").map_or(CASES, |n| u32::try_from(n).unwrap());
    let config = Config {
        cases,
        max_shrink_iters: 200,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/histories.txt"))),
        ..Config::default()
    };
    let mut runner = match number("EVENKEEL_HISTORIES_SEED") {
        Some(seed) => {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&seed.to_le_bytes());
            TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
        }
        None => TestRunner::new(config),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let made = std::sync::atomic::AtomicUsize::new(0);
    let result = runner.run(&steps::history(), |history| {
        made.fetch_add(history.len(), std::sync::atomic::Ordering::Relaxed);
        runtime.block_on(world::live(&history)).map_err(TestCaseError::fail)
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    println!("{} batches of steps", made.into_inner());
}
