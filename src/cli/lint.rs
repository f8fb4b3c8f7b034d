//! `evenkeel lint`: everything that can be checked without a cluster. Exit: 0 nothing, 1 something, 2 error.

use super::args::{LintArgs, Target};
use super::console::Console;
use super::{Outcome, source};
use crate::environment;
use crate::reconcile::{Finding, Lint, Severity, counts, lint};
use crate::report::{BAD, DIM, GOOD, WARN, paint};

pub(super) fn run(args: &LintArgs, console: &Console) -> Outcome {
    let opened = source::open(&args.source)?;
    let root = args.source.path.trim_matches('/');
    let target = args.target.as_deref().map(Target::parse);
    let names = match &target {
        Some(target) => {
            source::known(&opened, &args.source, target)?;
            vec![target.environment.clone()]
        }
        None => environment::discover(opened.tree.as_ref(), root)?,
    };
    let release = target.as_ref().and_then(|target| target.release.as_deref());
    let result =
        lint(&opened, root, &names, release, args.strict, &|name| console.progress(&format!("looking at {name}")))?;
    console.clear();
    if console.json() {
        let findings: Vec<_> = result.findings.iter().map(Finding::json).collect();
        console.value(&serde_json::json!({
            "environments": names, "releases": result.releases, "findings": findings, "errors": [],
        }));
    } else {
        console.text(&text(&result));
    }
    Ok(u8::from(result.failed()))
}

fn text(lint: &Lint) -> String {
    let mut text = String::new();
    for finding in &lint.findings {
        let label = match finding.severity {
            Severity::Error => paint(BAD, "error:"),
            Severity::Warning => paint(WARN, "warning:"),
            Severity::Note => paint(DIM, "note:"),
        };
        text.push_str(&format!("{label} {}\n\n", finding.diagnostic));
    }
    let number = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let (errors, warnings, notes) = counts(&lint.findings);
    let looked = format!("{}, {}", number(lint.environments, "environment"), number(lint.releases, "release"));
    let found: Vec<String> = [(errors, "error"), (warnings, "warning"), (notes, "note")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| number(count, what))
        .collect();
    let found = if found.is_empty() { paint(GOOD, "nothing found") } else { found.join(", ") };
    text.push_str(&format!("{looked}: {found}\n"));
    text
}
