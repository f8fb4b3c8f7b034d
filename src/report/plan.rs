//! A plan for people and for programs.

use std::fmt::Write as _;

use crate::plan::{Action, Plan, Verb};

use super::style::{BAD, DIM, GOOD, NAME, WARN, paint};

/// The plan as text: one line an action, unchanged objects counted, findings last. `all` lists unchanged objects too.
#[must_use]
pub fn plan_text(plan: &Plan, all: bool) -> String {
    let mut text = String::new();
    for release in &plan.releases {
        let in_order = release.before.iter().chain(&release.apply).chain(&release.after).chain(&release.prune);
        let shown: Vec<&Action> = in_order.filter(|a| all || a.verb != Verb::Unchanged).collect();
        let unchanged = release.apply.iter().filter(|a| a.verb == Verb::Unchanged).count();
        if shown.is_empty() && unchanged == 0 {
            continue;
        }
        let rest = if unchanged > 0 && !all { format!(", {unchanged} unchanged") } else { String::new() };
        let gone = if release.gone { ", left Git" } else { "" };
        let _ = writeln!(
            text,
            "{} {}",
            paint(NAME, format!("{}/{}", plan.environment, release.release)),
            paint(DIM, format!("(namespace {}{gone}{rest})", release.namespace))
        );
        for action in shown {
            let (sign, style) = sign(action.verb);
            let _ = writeln!(
                text,
                "  {} {}{}",
                paint(style, format!("{sign} {:<8}", action.verb)),
                action.id.display(),
                if action.reason.is_empty() { String::new() } else { paint(DIM, format!("  {}", action.reason)) }
            );
        }
    }
    for finding in &plan.findings {
        let place = if finding.release.is_empty() { &plan.environment } else { &finding.release };
        let _ = writeln!(text, "{} {place}: {}", paint(WARN, "!"), finding.message);
    }
    text
}

fn sign(verb: Verb) -> (char, anstyle::Style) {
    match verb {
        Verb::Create => ('+', GOOD),
        Verb::Hook => ('*', WARN),
        Verb::Update | Verb::Adopt | Verb::Transfer | Verb::Recreate => ('~', WARN),
        Verb::Prune => ('-', BAD),
        Verb::Alert | Verb::Refuse => ('!', BAD),
        Verb::Keep | Verb::Unchanged => (' ', DIM),
    }
}

/// The plan as JSON: unchanged objects left out, secrets masked.
#[must_use]
pub fn plan_json(plan: &Plan) -> serde_json::Value {
    serde_json::to_value(plan.printable()).unwrap_or_default()
}
