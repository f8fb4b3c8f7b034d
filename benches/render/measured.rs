//! What one run of a program costs.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use super::set::{Case, NAMESPACE, RELEASE};

/// What a run cost.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    /// From its start until all output is read.
    pub(super) wall: Duration,
    /// In the program and in the system for it.
    pub(super) processor: Duration,
    /// Most memory it held at a time, in bytes.
    pub(super) peak: u64,
    /// A digest of what it printed is not needed: its length tells whether both printed about the same.
    pub(super) output: usize,
}

/// Runs a program over a chart; nothing when it fails.
pub(super) fn measure(program: &Path, case: &Case, root: &Path) -> Option<Cost> {
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(["template", RELEASE, &case.folder, "--namespace", NAMESPACE])
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut output = Vec::new();
    child.stdout.take().expect("a pipe").read_to_end(&mut output).expect("its output");
    let used = child.wait4().expect("its end");
    let wall = start.elapsed();
    let usage = used.rusage;
    let cost = Cost { wall, processor: usage.utime + usage.stime, peak: usage.maxrss, output: output.len() };
    used.status.success().then_some(cost)
}

/// The median of each figure.
pub(super) fn medians(costs: &[Cost]) -> Cost {
    fn middle<T: Ord + Copy>(costs: &[Cost], figure: impl Fn(&Cost) -> T) -> T {
        let mut all: Vec<T> = costs.iter().map(figure).collect();
        all.sort_unstable();
        all[all.len() / 2]
    }
    Cost {
        wall: middle(costs, |cost| cost.wall),
        processor: middle(costs, |cost| cost.processor),
        peak: middle(costs, |cost| cost.peak),
        output: middle(costs, |cost| cost.output),
    }
}
