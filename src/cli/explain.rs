//! `evenkeel explain`: which layer, file and line each value comes from, and what it overrode.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::args::{ExplainArgs, Target};
use super::console::Console;
use super::error::CliError;
use super::{Outcome, mask, source};
use crate::reconcile::layered_values;
use crate::report::{DIM, NAME, WARN, paint};
use crate::values::{Explained, Place, explain};
use crate::yaml;

pub(super) fn run(args: &ExplainArgs, console: &Console) -> Outcome {
    let target = Target::parse(&args.target);
    let Some(name) = target.release.clone() else {
        return Err(
            CliError::user("explain needs a release").hint(format!("evenkeel explain {}/RELEASE [KEY]", args.target))
        );
    };
    let opened = source::open(&args.source)?;
    let environment = source::environment(&opened, &args.source, &target)?;
    let release = match environment.release(&name) {
        Some(Ok(release)) => release,
        Some(Err(broken)) => return Err(crate::environment::Diagnostics(broken.diagnostics.clone()).into()),
        None => return Err(CliError::internal("the release was there a moment ago")),
    };
    let merged = layered_values(&opened, release)?;
    let found = explain(&merged, args.key.as_deref()).map_err(|e| CliError::user(e.to_string()))?;
    if found.is_empty() {
        let key = args.key.as_deref().unwrap_or_default();
        let all = explain(&merged, None).map_err(|e| CliError::user(e.to_string()))?;
        // A typo may stand in the middle: every key above a value is a candidate, too.
        let above = |path: &str| path.match_indices('.').map(|(at, _)| path[..at].to_owned()).collect::<Vec<_>>();
        let known: BTreeSet<String> =
            all.iter().flat_map(|e| above(&e.path).into_iter().chain([e.path.clone()])).collect();
        let error = CliError::user(format!("no layer of {}/{name} sets `{key}`", environment.name));
        return Err(match crate::diagnostic::nearest(key, known.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        });
    }
    let asked = args.key.is_some() || args.all;
    let shown: Vec<Explained> =
        found.into_iter().filter(|e| asked || !is_default(e)).map(|e| mask::explained(e, &merged)).collect();
    if console.json() {
        console.value(&serde_json::json!({
            "environment": environment.name, "release": name,
            "values": serde_json::to_value(&shown).unwrap_or_default(),
        }));
    } else {
        console.text(&text(&shown));
        if shown.is_empty() {
            console.text("no layer sets a value; --all lists the chart's own");
        }
    }
    Ok(0)
}

/// Set by the chart alone.
fn is_default(explained: &Explained) -> bool {
    explained.overrides.is_empty() && explained.origin.layer.starts_with("chart ")
}

fn text(values: &[Explained]) -> String {
    let mut text = String::new();
    for value in values {
        let shown = match (&value.value, value.deleted) {
            (Some(value), false) => printed(value),
            _ => paint(WARN, "deleted"),
        };
        let _ = writeln!(text, "{} = {shown}  {}", paint(NAME, &value.path), place(&value.origin));
        for over in &value.overrides {
            let _ = writeln!(
                text,
                "    {} {}  {}",
                paint(DIM, "over"),
                paint(DIM, printed(&over.value)),
                place(&over.origin)
            );
        }
    }
    text
}

/// As Helm prints it: every number of a values file is a float64, and a whole one has no fraction.
fn printed(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if value.is_f64() => yaml::go_float(number),
        _ => value.to_string(),
    }
}

fn place(place: &Place) -> String {
    let at = match (place.line, place.column) {
        (Some(line), Some(column)) => format!(":{line}:{column}"),
        _ => String::new(),
    };
    paint(DIM, format!("({}: {}{at})", place.layer, place.file))
}
