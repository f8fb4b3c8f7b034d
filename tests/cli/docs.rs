//! What the documentation shows is true: every command line is one, and every output that it shows is what is printed.

use crate::harness::{Evenkeel, project};

#[test]
fn the_examples_of_the_documentation_are_true() {
    let mut commands = 0;
    let mut outputs = 0;
    for file in [
        "README.md",
        "docs/environments.md",
        "docs/drift.md",
        "docs/charts.md",
        "docs/health.md",
        "docs/output.md",
        "docs/secrets.md",
        "CONTRIBUTING.md",
    ] {
        let text = std::fs::read_to_string(project().join(file)).unwrap();
        for block in text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
            for example in block.split("$ evenkeel ").skip(1) {
                let (line, output) = example.split_once('\n').unwrap_or((example, ""));
                let line = line.split(" #").next().unwrap().trim();
                let arguments: Vec<&str> = line.split_whitespace().collect();
                let parsed = evenkeel::cli::parse(&[&["evenkeel"], arguments.as_slice()].concat());
                assert!(parsed.is_ok(), "{file}: evenkeel {line}: {}", parsed.err().unwrap());
                commands += 1;
                if !output.trim().is_empty() {
                    let run = Evenkeel::new(&arguments).folder(project());
                    let run = run.env("SOPS_AGE_KEY_FILE", "tests/sops/age.key").run().expect_code(0);
                    assert_eq!(run.stdout.trim_end(), output.trim_end(), "{file}: evenkeel {line}");
                    outputs += 1;
                }
            }
        }
    }
    assert!(commands >= 5 && outputs >= 1, "{commands} commands and {outputs} outputs were found");
}
