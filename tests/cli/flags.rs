//! Every flag that helm lists is one of ours, with the same shorthand and as many values.

use std::process::Command;

use crate::harness::helm;
use crate::require;

/// Helm's commands beside ours.
const COMMANDS: [(&str, &str); 14] = [
    ("template", "template"),
    ("lint", "chart lint"),
    ("package", "chart package"),
    ("pull", "chart pull"),
    ("show all", "chart show"),
    ("show chart", "chart show"),
    ("show values", "chart show"),
    ("show crds", "chart show"),
    ("dependency list", "chart dependency list"),
    ("dependency build", "chart dependency build"),
    ("dependency update", "chart dependency update"),
    ("push", "chart push"),
    ("registry login", "chart login"),
    ("registry logout", "chart logout"),
];

/// A flag as a line of helm's help has it: `  -n, --namespace string   …`.
fn flag(line: &str) -> Option<(Option<char>, &str, bool)> {
    let line = line.trim_start();
    let (short, line) = match line.strip_prefix('-').and_then(|rest| rest.split_once(", ")) {
        Some((short, rest)) if short.len() == 1 => (short.chars().next(), rest),
        _ => (None, line),
    };
    let rest = line.strip_prefix("--")?;
    let (flag, _) = rest.split_once("  ")?;
    let (name, kind) = flag.split_once(' ').unwrap_or((flag, ""));
    Some((short, name, !kind.is_empty()))
}

#[test]
fn all_flags_of_helm_are_there() {
    let helm = require!(helm());
    let mut cli = evenkeel::cli::command();
    cli.build();
    let (mut seen, mut wrong) = (0, Vec::new());
    for (theirs, ours) in COMMANDS {
        let help = Command::new(&helm).args(theirs.split(' ')).arg("--help").output().unwrap().stdout;
        let help = String::from_utf8(help).unwrap();
        let command = ours.split(' ').fold(&cli, |command, name| command.find_subcommand(name).unwrap());
        for (short, name, valued) in help.lines().filter_map(flag).filter(|(_, name, _)| *name != "help") {
            seen += 1;
            match command.get_arguments().find(|arg| arg.get_long() == Some(name)) {
                None => wrong.push(format!("{ours}: no --{name}")),
                Some(arg) if short.is_some() && arg.get_short() != short => {
                    wrong.push(format!("{ours}: --{name} is -{:?}, helm's is -{short:?}", arg.get_short()));
                }
                Some(arg) => {
                    let parser = format!("{:?}", arg.get_value_parser().type_id());
                    if parser.contains("bool") == valued {
                        wrong.push(format!("{ours}: --{name} is a {parser}, helm's takes a value: {valued}"));
                    }
                }
            }
        }
    }
    assert!(seen > 300, "helm's help was not understood: {seen} flags");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
