//! What a check finds: faults, and the score by which `anyOf`, `oneOf` and `contains` choose whose faults are shown.

use super::Type;

/// What came of holding a value against a schema.
#[derive(Debug, Default)]
pub(super) struct Outcome<'a> {
    pub(super) faults: Vec<Fault<'a>>,
    pub(super) score: i64,
}

/// A fault and where it is.
#[derive(Debug)]
pub(super) struct Fault<'a> {
    path: String,
    kind: FaultKind<'a>,
}

#[derive(Debug)]
pub(super) enum FaultKind<'a> {
    Plain(&'static str),
    /// A name or number between two pieces of text.
    Named(&'static str, &'a str, &'static str),
    Count(&'static str, i64, &'static str),
    Limit(&'static str, String),
    Type(&'a [Type], Type),
    Constant(&'a str),
    Choices(&'a [String]),
    Unique(usize, usize),
    /// The whole line.
    Made(String),
}

impl<'a> Outcome<'a> {
    pub(super) fn is_good(&self) -> bool {
        self.faults.is_empty()
    }

    pub(super) fn fault(&mut self, path: &Path<'_>, kind: FaultKind<'a>) {
        self.faults.push(Fault { path: path.text(), kind });
        self.score -= 2;
    }

    pub(super) fn passed(&mut self) {
        self.score += 1;
    }

    /// The same, without what it borrows from the value: the texts are made now.
    pub(super) fn detached<'b>(self) -> Outcome<'b> {
        let faults =
            self.faults.into_iter().map(|fault| Fault { kind: FaultKind::Made(fault.text()), path: fault.path });
        Outcome { faults: faults.collect(), score: self.score }
    }

    pub(super) fn take_over(&mut self, other: Self) {
        self.faults.extend(other.faults);
        self.score += other.score;
    }
}

/// Keeps the outcome with the highest score, the first of equals.
pub(super) fn better<'a>(best: &mut Option<Outcome<'a>>, other: Outcome<'a>) {
    if best.as_ref().is_none_or(|best| other.score > best.score) {
        *best = Some(other);
    }
}

impl Fault<'_> {
    /// gojsonschema's line.
    pub(super) fn text(&self) -> String {
        // The name of a top-level key stands alone; what is at the root is at `(root)`.
        let field = self.path.strip_prefix("(root).").unwrap_or(&self.path);
        match &self.kind {
            FaultKind::Plain(text) => format!("{field}: {text}"),
            FaultKind::Named(before, name, after) => format!("{field}: {before}{name}{after}"),
            FaultKind::Count(before, count, after) => format!("{field}: {before}{count}{after}"),
            FaultKind::Limit(before, limit) => format!("{field}: {before}{limit}"),
            FaultKind::Type(expected, given) => {
                let names: Vec<&str> = expected.iter().map(|t| t.name()).collect();
                let expected = if names.len() > 1 { format!("[{}]", names.join(",")) } else { names.concat() };
                format!("{field}: Invalid type. Expected: {expected}, given: {}", given.name())
            }
            FaultKind::Constant(allowed) => format!("{field}: {field} does not match: {allowed}"),
            FaultKind::Choices(allowed) => {
                format!("{field}: {field} must be one of the following: {}", allowed.join(", "))
            }
            FaultKind::Unique(first, second) => format!("{field}: array items[{first},{second}] must be unique"),
            FaultKind::Made(line) => line.clone(),
        }
    }
}

/// Where a check is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl Path<'_> {
    fn text(&self) -> String {
        let mut steps = Vec::new();
        let mut at = self;
        loop {
            match at {
                Path::Root => break,
                Path::Key(outer, key) => {
                    steps.push((*key).to_owned());
                    at = outer;
                }
                Path::Index(outer, index) => {
                    steps.push(index.to_string());
                    at = outer;
                }
            }
        }
        steps.push("(root)".to_owned());
        steps.reverse();
        steps.join(".")
    }
}
