//! Turns "this is wrong, here" into an error a person can act on: file:line:column, the source line with carets, and a
//! hint with the nearest valid name. Every module that reads users' files makes these; nothing here reads anything.

mod nearest;

pub use nearest::nearest;

use std::fmt;

/// A place in a text; both numbers start at 1, and a column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Position {
    /// A position from a line and a column, both from 1.
    #[must_use]
    pub fn new(line: u32, column: u32) -> Self {
        Self { line, column }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// An error in something that a user wrote, with its place. Never retryable: the file has to change first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in lower case, without the place.
    pub message: String,
    /// The file as the user knows it (a path from the repository's root, or as given on the command line).
    pub file: String,
    /// Where in the file, when that is known.
    pub position: Option<Position>,
    /// How many characters the carets cover (at least 1).
    pub width: usize,
    /// The text of the line, when it is known and holds no secret.
    pub source_line: Option<String>,
    /// What to do, or the nearest valid name.
    pub hint: Option<String>,
    /// Further lines: what led here (the layer that extends this one, an include stack).
    pub notes: Vec<String>,
}

impl Diagnostic {
    /// An error somewhere in `file`.
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            file: file.into(),
            position: None,
            width: 1,
            source_line: None,
            hint: None,
            notes: Vec::new(),
        }
    }

    /// Places the error at `position`, `width` characters wide, and takes the line to show from `text`.
    #[must_use]
    pub fn at(mut self, text: &str, position: Position, width: usize) -> Self {
        self.position = Some(position);
        self.width = width.max(1);
        self.source_line = text.lines().nth(position.line.saturating_sub(1) as usize).map(str::to_owned);
        self
    }

    /// Places the error without showing the line (its text may be secret, or is not at hand).
    #[must_use]
    pub fn at_hidden(mut self, position: Position) -> Self {
        self.position = Some(position);
        self.source_line = None;
        self
    }

    /// Adds a hint, shown last.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds "did you mean" when one of `candidates` is near `name`, else the list of them when it is short.
    #[must_use]
    pub fn suggest<'a>(self, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        let all: Vec<&str> = candidates.into_iter().collect();
        if let Some(near) = nearest(name, all.iter().copied()) {
            let hint = format!("did you mean `{near}`?");
            self.hint(hint)
        } else if (1..=12).contains(&all.len()) {
            let hint = format!("expected one of: {}", all.join(", "));
            self.hint(hint)
        } else {
            self
        }
    }

    /// Adds a line of context.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The first line alone: `file:line:column: message`.
    #[must_use]
    pub fn headline(&self) -> String {
        match self.position {
            Some(p) => format!("{}:{p}: {}", self.file, self.message),
            None => format!("{}: {}", self.file, self.message),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        if let (Some(position), Some(line)) = (self.position, &self.source_line) {
            let number = position.line.to_string();
            let gutter = " ".repeat(number.len());
            // A control character becomes one space, so that a caret stands under its character in any terminal.
            let shown: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE_SHOWN).collect();
            let column = (position.column as usize).max(1);
            write!(f, "\n{gutter} |\n{number} | {}", shown.trim_end())?;
            if column <= LINE_SHOWN {
                let room = shown.chars().count().saturating_sub(column - 1).max(1);
                write!(f, "\n{gutter} | {}{}", " ".repeat(column - 1), "^".repeat(self.width.min(room)))?;
            }
        }
        for note in &self.notes {
            write!(f, "\n  = {note}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  = hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// Characters of a source line that an error shows at most.
const LINE_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_place_line_carets_and_hint() {
        let text = "kind: Environment\nonDrft: correct\n";
        let error = Diagnostic::new("environments/a/environment.yaml", "unknown key `onDrft`")
            .at(text, Position::new(2, 1), 6)
            .suggest("onDrft", ["onDrift", "onCommit"]);
        assert_eq!(
            error.to_string(),
            "environments/a/environment.yaml:2:1: unknown key `onDrft`\n  |\n2 | onDrft: correct\n  | ^^^^^^\n  = hint: did you mean `onDrift`?"
        );
    }

    #[test]
    fn survives_positions_outside_the_text() {
        let error = Diagnostic::new("a", "b").at("x", Position::new(9, 900), 5);
        assert_eq!(error.to_string(), "a:9:900: b");
        let error = Diagnostic::new("a", "b").at("x", Position::new(1, 90), 5);
        assert!(error.to_string().starts_with("a:1:90: b\n"));
    }

    #[test]
    fn lists_the_names_when_none_is_near() {
        let error = Diagnostic::new("a", "b").suggest("zzzz", ["apply", "plan"]);
        assert_eq!(error.hint.as_deref(), Some("expected one of: apply, plan"));
    }
}
