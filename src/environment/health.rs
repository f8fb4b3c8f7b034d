//! `health` of a release: expressions that say when objects of a kind are ready, each read where it is written.

use super::fields::{Fields, Text};
use super::located::Place;
use crate::diagnostic::{Diagnostic, Position};
use crate::health::{Expression, ExpressionError, Rule, Rules};

/// Reads the rules of a release.
pub(super) fn rules(fields: &mut Fields<'_>) -> Rules {
    let read = |entry: &mut Fields<'_>| {
        let version = entry.needed("apiVersion");
        let kind = entry.needed("kind");
        let current = entry.needed("current").map(|text| expression(entry, &text));
        let mut optional = |key: &str| entry.text(key).map(|text| expression(entry, &text));
        let (in_progress, failed) = (optional("inProgress"), optional("failed"));
        let group = version?.text.rsplit_once('/').map_or(String::new(), |(group, _)| group.to_owned());
        Some(Rule {
            group,
            kind: kind?.text,
            in_progress: in_progress.flatten(),
            failed: failed.flatten(),
            current: current??,
        })
    };
    let known = ["apiVersion", "kind", "current", "failed", "inProgress"];
    Rules::new(fields.maps("health", &known, read).unwrap_or_default())
}

fn expression(fields: &mut Fields<'_>, text: &Text) -> Option<Expression> {
    match Expression::parse(&text.text) {
        Ok(expression) => Some(expression),
        Err(error) => {
            fields.report(located(&text.place, &text.text, &error));
            None
        }
    }
}

/// The error where it stands in the file: within a text on one line, or in a line of a block; else at the text as a whole.
fn located(place: &Place, text: &str, error: &ExpressionError) -> Diagnostic {
    let message = format!("no expression: {}", error.message);
    let source = &place.source.text;
    let line_of = |number: u32| source.lines().nth(number.saturating_sub(1) as usize);
    let at = |line: u32, column: u32| {
        Diagnostic::new(&*place.source.path, &*message).at(source, Position::new(line, column), 1)
    };
    let first: String = line_of(place.start.line)
        .unwrap_or_default()
        .chars()
        .skip(place.start.column.saturating_sub(1) as usize)
        .collect();
    let quoted = u32::from(first.starts_with(['"', '\'']));
    if error.line == 1 && first.chars().skip(quoted as usize).collect::<String>().starts_with(text) {
        return at(place.start.line, place.start.column + quoted + error.column - 1);
    }
    // A block: its lines stand below, indented.
    let number = place.start.line + error.line;
    let written = text.lines().nth(error.line.saturating_sub(1) as usize).unwrap_or_default();
    if let Some(line) = line_of(number)
        && let Some(indent) = line.strip_suffix(written)
        && !written.is_empty()
        && indent.chars().all(|c| c == ' ')
    {
        return at(number, error.column + u32::try_from(indent.len()).unwrap_or_default());
    }
    place.error(message)
}
