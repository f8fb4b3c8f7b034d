//! The table of a chart's values for its README: key, type, default and description of each, out of `values.yaml` and the comments in
//! it, in the notation and with the rules of helm-docs (<https://github.com/norwoodj/helm-docs>), which many charts follow already.
//!
//! ```yaml
//! # -- How many pods there are.
//! # Used only while autoscaling is off.
//! replicaCount: 2
//! image:
//!   # -- (string) Defaults to the chart's appVersion.
//!   tag:
//!   # -- Seconds.
//!   # @default -- as long as it takes
//!   timeout: 30
//! ```
//!
//! A map or list with a description is one row, and what is in it has rows of its own only where it is described, too; without
//! one, each leaf is a row. `# @ignored` above a key leaves it out.

use std::fmt::Write as _;

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::yaml::{self, Node, NodeValue, Numbers};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key, with dots: `image.tag`, `hosts[0]`, `labels."app.kubernetes.io/name"`.
    pub key: String,
    /// What it is: `string`, `int`, `float`, `bool`, `object`, `list`, or what the comment says.
    pub kind: String,
    /// Its default, as JSON (`nil` for none), or what the comment says.
    pub default: String,
    /// What the comment says; empty where there is none.
    pub description: String,
    /// The line of the key, from 1.
    pub line: u32,
}

/// What the comment above a key says.
#[derive(Debug, Default)]
struct Comment {
    description: Option<String>,
    kind: Option<String>,
    default: Option<String>,
    ignored: bool,
}

/// The rows of a `values.yaml`, in order of key.
///
/// # Errors
/// When the text is no YAML.
pub fn rows(file: &str, text: &str) -> Result<Vec<Row>, Diagnostic> {
    let Some(node) = yaml::parse_lenient(text).map_err(|error| error.diagnostic(file, text))? else {
        return Ok(Vec::new());
    };
    let lines: Vec<&str> = text.lines().collect();
    let mut reading = Reading { lines: &lines, rows: Vec::new() };
    for (key, value) in node.pairs() {
        reading.entry("", key, value, true);
    }
    reading.rows.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(reading.rows)
}

/// The rows as a Markdown table.
#[must_use]
pub fn markdown(rows: &[Row]) -> String {
    let mut table = String::from("| Key | Type | Default | Description |\n|-----|------|---------|-------------|\n");
    let cell = |text: &str| text.replace('|', "\\|");
    for row in rows {
        let Row { key, kind, default, description, .. } = row;
        let default = if default.starts_with('`') { default.clone() } else { format!("`{default}`") };
        let _ = writeln!(table, "| {} | {kind} | {} | {} |", cell(key), cell(&default), cell(description));
    }
    table
}

struct Reading<'a> {
    lines: &'a [&'a str],
    rows: Vec<Row>,
}

impl Reading<'_> {
    /// Adds the rows of a key; where the map above it is a row already, only what is described.
    fn entry(&mut self, above: &str, key: &Node, value: &Node, leaves: bool) {
        let comment = self.comment(key.start.line);
        if comment.ignored {
            return;
        }
        let text = key.key_text().unwrap_or_default();
        let name = if text.contains(['.', ' ', '"']) { format!("\"{}\"", text.replace('"', "\\\"")) } else { text };
        let path = if above.is_empty() { name } else { format!("{above}.{name}") };
        self.value(&path, key.start.line, &comment, value, leaves);
    }

    fn value(&mut self, path: &str, line: u32, comment: &Comment, value: &Node, leaves: bool) {
        let described = comment.description.is_some();
        let empty = match &value.value {
            NodeValue::Map(pairs) => pairs.is_empty(),
            NodeValue::Seq(items) => items.is_empty(),
            _ => true,
        };
        if described || (leaves && empty) {
            self.rows.push(Row {
                key: path.to_owned(),
                kind: comment.kind.clone().unwrap_or_else(|| kind(&value.value).to_owned()),
                default: comment.default.clone().unwrap_or_else(|| default(value)),
                description: comment.description.clone().unwrap_or_default(),
                line,
            });
        }
        let leaves = leaves && !described;
        for (key, below) in value.pairs() {
            self.entry(path, key, below, leaves);
        }
        for (index, item) in value.items().iter().enumerate() {
            self.value(&format!("{path}[{index}]"), item.start.line, &Comment::default(), item, leaves);
        }
    }

    /// Reads the lines of comment that end right above a line.
    fn comment(&self, line: u32) -> Comment {
        let above = usize::try_from(line).unwrap_or_default().saturating_sub(1).min(self.lines.len());
        let commented = |text: &str| text.trim_start().strip_prefix('#').map(|rest| rest.trim().to_owned());
        let mut block: Vec<String> = self.lines[..above].iter().rev().map_while(|text| commented(text)).collect();
        block.reverse();
        // A description begins with `--`; what stands before it is a comment for readers of the file.
        let Some(start) = block.iter().rposition(|text| text.starts_with("-- ") || text == "--") else {
            return Comment { ignored: block.iter().any(|text| text == "@ignored"), ..Comment::default() };
        };
        let mut comment = Comment::default();
        let mut words: Vec<&str> = Vec::new();
        for (index, text) in block[start..].iter().enumerate() {
            if let Some(default) = text.strip_prefix("@default -- ") {
                comment.default = Some(default.to_owned());
            } else if text == "@ignored" {
                comment.ignored = true;
            } else if !text.starts_with('@') {
                words.push(if index == 0 { text.trim_start_matches("--").trim() } else { text });
            }
        }
        let mut description = words.join(" ").trim().to_owned();
        if let Some((kind, rest)) = description.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            let rest = rest.trim().to_owned();
            comment.kind = Some(kind.to_owned());
            description = rest;
        }
        comment.description = Some(description);
        comment
    }
}

fn kind(value: &NodeValue) -> &'static str {
    match value {
        // As helm-docs: who says nothing else means a text.
        NodeValue::Null | NodeValue::String(_) => "string",
        NodeValue::Bool(_) => "bool",
        NodeValue::Int(_) | NodeValue::UInt(_) => "int",
        NodeValue::Float(_) => "float",
        NodeValue::Seq(_) => "list",
        NodeValue::Map(_) => "object",
    }
}

fn default(value: &Node) -> String {
    match value.to_json(Numbers::Exact) {
        Ok(Value::Null) => "nil".to_owned(),
        Ok(json) => sorted(&json).to_string(),
        Err(_) => String::new(),
    }
}

/// The same with the keys of maps in order, whatever serde_json was built with.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            Value::Object(keys.into_iter().filter_map(|key| Some((key.clone(), sorted(map.get(key)?)))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> String {
        let rows = rows("values.yaml", text).unwrap();
        markdown(&rows).lines().skip(2).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn leaves_are_rows_in_order_of_key() {
        let text = "b: 2\na:\n  s: [1, x]\n  x: 0.5\n  n1:\n  e: {}\n  l: []\n  t: true\n  \"k.d\": text\n";
        assert_eq!(
            table(text),
            "| a.\"k.d\" | string | `\"text\"` |  |\n| a.e | object | `{}` |  |\n| a.l | list | `[]` |  |\n\
             | a.n1 | string | `nil` |  |\n| a.s[0] | int | `1` |  |\n| a.s[1] | string | `\"x\"` |  |\n\
             | a.t | bool | `true` |  |\n| a.x | float | `0.5` |  |\n| b | int | `2` |  |\n"
        );
    }

    #[test]
    fn a_described_map_is_one_row_and_what_is_described_in_it() {
        let text = "# A header.\n\n# not this\n# -- (probe) All of it,\n# in one | row.\nprobe:\n  b: 1\n  a:\n    # -- Deep.\n    deep: x\n";
        assert_eq!(
            table(text),
            "| probe | probe | `{\"a\":{\"deep\":\"x\"},\"b\":1}` | All of it, in one \\| row. |\n\
             | probe.a.deep | string | `\"x\"` | Deep. |\n"
        );
    }

    #[test]
    fn defaults_and_what_is_left_out_stand_in_comments() {
        let text = "# -- Seconds.\n# @default -- as long as it takes\ntimeout: 30\n# @ignored\nhidden: 1\n# -- x\n# @ignored\ntoo: 1\n";
        assert_eq!(table(text), "| timeout | int | `as long as it takes` | Seconds. |\n");
    }

    #[test]
    fn a_comment_beyond_a_blank_line_is_somebody_elses() {
        assert_eq!(table("# -- Far away.\n\nkey: 1\n"), "| key | int | `1` |  |\n");
    }
}
