//! The README's first command.

use std::time::Duration;

use crate::harness::Evenkeel;

#[test]
fn the_demo_ends_by_itself_and_tells_what_it_saw() {
    let output = Evenkeel::new(["demo"]).run().expect_code(0);
    assert!(output.took < Duration::from_secs(30), "{output}");
    for part in [
        "clipper-production deployed and ready",
        "clipper-staging deployed and ready",
        "clipper-production runs clipper/clipper-backend:v1.3.0",
        "clipper-production put right after",
        "StatefulSet clipper-production/redis .spec.replicas 1 → 3 by kubectl-scale (scale)",
        "clipper-staging alerts after",
        "clipper-staging pruned sessions: its workloads are gone, its claims stay (sessions-pvc)",
        "done in",
    ] {
        assert!(output.stdout.contains(part), "no {part:?} in {output}");
    }
    assert!(!output.stdout.contains('\x1b'), "colour without a terminal: {output}");
    assert!(!output.stdout.contains("staging-only"), "a secret value in {output}");
}

#[test]
fn the_demo_can_be_kept_and_is_stopped_by_a_signal() {
    let mut demo = Evenkeel::new(["demo", "--keep"]).start();
    let line = demo.next_line("the kubeconfig", Duration::from_secs(30), |line| line.contains("--kubeconfig "));
    let file = line.rsplit(' ').next().unwrap().to_owned();
    assert!(std::path::Path::new(&file).is_file(), "{file}");
    let output = demo.terminate().expect_code(0);
    assert!(!std::path::Path::new(&file).exists(), "left behind: {file}\n{output}");
}
