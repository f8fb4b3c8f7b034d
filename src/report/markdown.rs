//! A plan with its differences as Markdown, for a review: what is dangerous first, then one line an action, then the differences.

use std::fmt::Write as _;

use crate::plan::{Action, Plan, Verb};

/// The plan as Markdown. `differences` are names of objects with their unified diffs, `approval` is the command that lets it be
/// applied.
#[must_use]
pub fn plan_markdown(
    plan: &Plan,
    differences: &[(String, String)],
    approval: Option<&str>,
    errors: &[String],
) -> String {
    let mut text = format!("## {}\n\n", inline(&plan.environment));
    let acts: Vec<(&str, &Action)> = plan
        .actions()
        .filter(|(_, a)| a.verb != Verb::Unchanged)
        .map(|(release, action)| (release.release.as_str(), action))
        .collect();
    let _ = writeln!(text, "Revision {}, digest `{}`, {} actions.\n", code(&plan.revision), plan.digest, acts.len());
    for error in errors {
        let _ = writeln!(text, "- **error**: {}", inline(error));
    }
    for finding in &plan.findings {
        let _ = writeln!(text, "- **{}** {}", inline(&finding.release), inline(&finding.message));
    }
    if !errors.is_empty() || !plan.findings.is_empty() {
        text.push('\n');
    }
    if let Some(approval) = approval {
        let _ = writeln!(text, "Waits for an approval: {}\n", code(approval));
    }
    if !acts.is_empty() {
        text.push_str("| | object | release | why |\n|---|---|---|---|\n");
        for (release, action) in acts {
            let name = code(&action.id.display());
            let _ = writeln!(text, "| {} | {name} | {} | {} |", action.verb, inline(release), inline(&action.reason));
        }
        text.push('\n');
    }
    for (name, diff) in differences.iter().filter(|(_, diff)| !diff.is_empty()) {
        let fence = "`".repeat(longest_run(diff).max(2) + 1);
        let end = if diff.ends_with('\n') { "" } else { "\n" };
        let _ = writeln!(
            text,
            "<details><summary>{}</summary>\n\n{fence}diff\n{diff}{end}{fence}\n\n</details>\n",
            name.replace('&', "&amp;").replace('<', "&lt;")
        );
    }
    text
}

/// Text within a line or a cell of a table, as it is.
fn inline(text: &str) -> String {
    let mut made = String::new();
    for c in text.chars() {
        match c {
            '\n' | '\r' => made.push(' '),
            '|' | '*' | '_' | '<' | '>' | '[' | ']' | '\\' => made.extend(['\\', c]),
            _ => made.push(c),
        }
    }
    made
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace(['`', '\n', '|'], " "))
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_its_place() {
        assert_eq!(inline("a|b\nc *d* <e>"), "a\\|b c \\*d\\* \\<e\\>");
        assert_eq!(longest_run("a ``` b ````c"), 4);
        let plan = Plan {
            environment: "test".into(),
            revision: "r".into(),
            digest: "d".into(),
            releases: Vec::new(),
            findings: Vec::new(),
        };
        let text = plan_markdown(&plan, &[("A".into(), "+```\n".into())], Some("evenkeel approve test d"), &[]);
        assert!(text.contains("````diff\n+```\n````"), "{text}");
        assert!(text.contains("`evenkeel approve test d`"), "{text}");
    }
}
