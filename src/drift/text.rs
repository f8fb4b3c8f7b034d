//! Differences as people read them: a unified diff of YAML, live against desired, without noise and without secrets.

use serde_json::Value;
use similar::TextDiff;

use super::place::place;
use super::secret::as_stored;
use super::{ObjectDrift, State};
use crate::manifest::{Object, is_secret, masked, masked_keyed};
use crate::yaml;

/// A unified diff of one object: `-` lines are live, `+` lines are desired. Beside the differences it shows the desired
/// object as it is asked for; what the server filled in is left out. `desired` is `None` for an object that is to go, of
/// which `live` is then shown.
#[must_use]
pub fn unified(desired: Option<&Object>, live: Option<&Object>, drift: &ObjectDrift) -> String {
    Compared::new(desired, live, drift, None).unified()
}

/// An object as it is and as it is asked for, as YAML.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    /// For people.
    pub name: String,
    /// What is there; empty when nothing is.
    pub live: String,
    /// What is asked for; empty for an object that is to go.
    pub desired: String,
}

impl Compared {
    /// As [`unified`] shows it. With a key, secret values stand as marks that are equal where the values are.
    #[must_use]
    pub fn new(desired: Option<&Object>, live: Option<&Object>, drift: &ObjectDrift, key: Option<&[u8]>) -> Self {
        let (live, desired) = texts(desired, live, drift, key);
        Self { name: drift.id().display(), live, desired }
    }

    /// A unified diff with three lines around; empty when nothing differs.
    #[must_use]
    pub fn unified(&self) -> String {
        TextDiff::from_lines(self.live.as_str(), self.desired.as_str())
            .unified_diff()
            .context_radius(3)
            .header(&format!("live/{}", self.name), &format!("desired/{}", self.name))
            .to_string()
    }

    /// Live and desired beside each other in `width` columns: `|` between lines that differ, `<` and `>` where one side has none.
    /// Long lines are cut, and lines far from a difference left out.
    #[must_use]
    pub fn side_by_side(&self, width: usize) -> String {
        let half = (width.saturating_sub(3) / 2).max(10);
        let cell = |line: &str| -> String {
            let line: String = line.trim_end_matches('\n').chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
            let long = line.chars().count() > half;
            let mut cut: String = line.chars().take(if long { half - 1 } else { half }).collect();
            if long {
                cut.push('…');
            }
            cut
        };
        let diff = TextDiff::from_lines(self.live.as_str(), self.desired.as_str());
        let groups = diff.grouped_ops(3);
        let mut text = String::new();
        if groups.is_empty() {
            return text;
        }
        let row = |left: &str, sign: char, right: &str| {
            let (left, right) = (cell(left), cell(right));
            let pad = " ".repeat(half - left.chars().count());
            let mut line = format!("{left}{pad} {sign} {right}");
            line.truncate(line.trim_end().len());
            line.push('\n');
            line
        };
        text.push_str(&row(&format!("live/{}", self.name), ' ', &format!("desired/{}", self.name)));
        let old = |at: usize| diff.old_slice(at).map(ToString::to_string);
        let new = |at: usize| diff.new_slice(at).map(ToString::to_string);
        for (nth, group) in groups.iter().enumerate() {
            if nth > 0 {
                text.push_str(&row("…", ' ', "…"));
            }
            for op in group {
                let before: Vec<String> = op.old_range().filter_map(old).collect();
                let after: Vec<String> = op.new_range().filter_map(new).collect();
                for at in 0..before.len().max(after.len()) {
                    let (left, right) = (before.get(at), after.get(at));
                    let sign = match (op.tag(), left, right) {
                        (similar::DiffTag::Equal, ..) => ' ',
                        (_, Some(_), Some(_)) => '|',
                        (_, Some(_), None) => '<',
                        _ => '>',
                    };
                    let line = |side: Option<&String>| side.cloned().unwrap_or_default();
                    text.push_str(&row(&line(left), sign, &line(right)));
                }
            }
        }
        text
    }
}

fn texts(desired: Option<&Object>, live: Option<&Object>, drift: &ObjectDrift, key: Option<&[u8]>) -> (String, String) {
    let shown = |object: &Object| match key {
        Some(key) => masked_keyed(&as_stored(object), key),
        None => masked(&as_stored(object)),
    };
    let shown = |object: &Object| shown(object).into_value();
    let after = desired.map(shown);
    let before = match (drift.state, &after, live) {
        (State::Missing, ..) => None,
        (State::Extra, _, Some(live)) => {
            let mut live = shown(live);
            if let Value::Object(live) = &mut live {
                live.remove("status");
                if let Some(Value::Object(metadata)) = live.get_mut("metadata") {
                    for field in ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"] {
                        metadata.remove(field);
                    }
                }
            }
            Some(live)
        }
        (_, Some(after), _) => {
            let mut before = after.clone();
            // What was masked in the comparison has a mark of its own here.
            let marked = live.filter(|l| key.is_some() && is_secret(l.value())).map(shown);
            for field in &drift.fields {
                // Only these are masked as values of a Secret; what stands elsewhere in one the comparison has hidden already.
                let path = field.path.to_string();
                let is_value = path.starts_with(".data") || path.starts_with(".stringData");
                let mark = marked.as_ref().filter(|_| field.live.is_some() && is_value);
                let mark = mark.and_then(|live| field.path.get(live));
                place(&mut before, &field.path.0, mark.or(field.live.as_ref()));
            }
            Some(before)
        }
        _ => None,
    };
    let after = if drift.state == State::Extra { None } else { after };
    let text = |value: Option<&Value>| value.map(yaml::emit).unwrap_or_default();
    (text(before.as_ref()), text(after.as_ref()))
}
