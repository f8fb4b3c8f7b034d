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

/// The READMEs of charts, environments and examples: every `evenkeel …` in them is a command line, and names what there is.
#[test]
fn the_commands_of_the_readmes_are_commands() {
    let mut commands = 0;
    for root in ["charts", "environments", "examples"] {
        for entry in std::fs::read_dir(project().join(root)).unwrap() {
            let file = entry.unwrap().path().join("README.md");
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            let blocks = text.split("```").skip(1).step_by(2).flat_map(str::lines);
            let lines = blocks.filter_map(|line| line.trim_start_matches("$ ").strip_prefix("evenkeel "));
            let prose = text.split("```").step_by(2).flat_map(|prose| prose.split('`').skip(1).step_by(2));
            let inline = prose.filter_map(|code| code.strip_prefix("evenkeel ")).filter(|code| !code.contains('\n'));
            for line in lines.chain(inline) {
                let line = line.split([';', '|', '#', '>', '&', '\\']).next().unwrap();
                // What may be left out, and what stands for more.
                let words = line.split_whitespace().filter(|word| !word.starts_with('[') && !word.contains('…'));
                let arguments: Vec<&str> = std::iter::once("evenkeel").chain(words).collect();
                match evenkeel::cli::parse(&arguments) {
                    // The bare name of a command, as prose has it: `evenkeel run`.
                    Err(error) if error.to_string().contains("required arguments were not provided") => {}
                    parsed => assert!(parsed.is_ok(), "{}: evenkeel {line}: {}", file.display(), parsed.err().unwrap()),
                }
                commands += 1;
            }
        }
    }
    assert!(commands >= 50, "{commands} commands were found");
}
