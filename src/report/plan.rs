//! A plan for people and for programs.

use std::fmt::Write as _;

use crate::plan::{Action, ITS_OBJECTS, Plan, Verb, WaitStep};

use super::style::{BAD, DIM, GOOD, NAME, WARN, paint};

/// The plan as text: one line an action, unchanged objects counted, findings last. `all` lists unchanged objects too.
#[must_use]
pub fn plan_text(plan: &Plan, all: bool) -> String {
    let mut text = String::new();
    for release in &plan.releases {
        let shown = |actions: &'_ [Action]| -> Vec<Action> {
            actions.iter().filter(|a| all || a.verb != Verb::Unchanged).cloned().collect()
        };
        let first = [shown(&release.before), shown(&release.apply)].concat();
        let last = [shown(&release.after), shown(&release.prune)].concat();
        let unchanged = release.apply.iter().filter(|a| a.verb == Verb::Unchanged).count();
        if first.is_empty() && last.is_empty() && unchanged == 0 {
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
        let (own, others): (Vec<&WaitStep>, Vec<&WaitStep>) =
            release.waits.iter().partition(|w| w.until == ITS_OBJECTS);
        others.iter().for_each(|wait| line(&mut text, wait.verb, &wait.until, &wait.reason));
        first.iter().for_each(|a| line(&mut text, a.verb, &a.id.display(), &a.reason));
        own.iter().for_each(|wait| line(&mut text, wait.verb, &wait.until, &wait.reason));
        last.iter().for_each(|a| line(&mut text, a.verb, &a.id.display(), &a.reason));
    }
    for finding in &plan.findings {
        let place = if finding.release.is_empty() { &plan.environment } else { &finding.release };
        let _ = writeln!(text, "{} {place}: {}", paint(WARN, "!"), finding.message);
    }
    text
}

fn line(text: &mut String, verb: Verb, what: &str, reason: &str) {
    let (sign, style) = sign(verb);
    let reason = if reason.is_empty() { String::new() } else { paint(DIM, format!("  {reason}")) };
    let _ = writeln!(text, "  {} {what}{reason}", paint(style, format!("{sign} {verb:<8}")));
}

fn sign(verb: Verb) -> (char, anstyle::Style) {
    match verb {
        Verb::Create => ('+', GOOD),
        Verb::Hook => ('*', WARN),
        Verb::Update | Verb::Adopt | Verb::Transfer | Verb::Recreate => ('~', WARN),
        Verb::Prune => ('-', BAD),
        Verb::Alert | Verb::Refuse => ('!', BAD),
        Verb::Keep | Verb::Unchanged | Verb::Wait => (' ', DIM),
    }
}

/// The plan as JSON: unchanged objects left out, secrets masked.
#[must_use]
pub fn plan_json(plan: &Plan) -> serde_json::Value {
    serde_json::to_value(plan.printable()).unwrap_or_default()
}
