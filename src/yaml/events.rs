//! libyaml's events over a text.

use std::io::{BufRead, Cursor};

use libyaml_safer::{Encoding, ErrorKind, Event, EventData, Mark, Parser, ScalarStyle};

use super::Error;
use crate::diagnostic::Position;

/// The events of a text.
pub(super) struct Events<'t> {
    parser: Parser<Box<dyn BufRead + 't>>,
    text: &'t str,
    /// The last line, when no line break ends it.
    unterminated: Option<&'t str>,
}

impl<'t> Events<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut parser = Parser::new();
        // The port of libyaml cannot read a block scalar that ends with the text, so every text ends with a line break here,
        // and `next` takes it out of the scalar again.
        let unterminated =
            (!text.is_empty() && !text.ends_with(is_break)).then(|| text.rsplit(is_break).next().unwrap_or_default());
        let reader: Box<dyn BufRead + 't> = match unterminated {
            Some(_) => Box::new(Cursor::new(format!("{text}\n"))),
            None => Box::new(text.as_bytes()),
        };
        parser.set_input(reader);
        parser.set_encoding(Encoding::Utf8);
        Self { parser, text, unterminated }
    }

    /// The next event.
    pub(super) fn next(&mut self) -> Result<Event, Error> {
        let mut event = match self.parser.parse() {
            Ok(event) => event,
            Err(error) if error.kind() == ErrorKind::Reader => return Err(self.forbidden(&error)),
            Err(error) => return Err(Error::syntax(&error, self.unterminated.map(|last| self.end(last)))),
        };
        if let (Some(last), EventData::Scalar { value, style: ScalarStyle::Literal | ScalarStyle::Folded, .. }) =
            (self.unterminated, &mut event.data)
            && event.end_mark.column == 0
            && self.is_end(event.end_mark)
        {
            let ends = match chomping(self.text, event.start_mark) {
                Chomping::Strip => false,
                // A last line of spaces belongs to the scalar when it is indented deeper.
                Chomping::Clip => {
                    let inner = value.strip_suffix('\n').and_then(|v| v.rsplit('\n').next()).unwrap_or_default();
                    !last.trim_matches(' ').is_empty() || (!inner.is_empty() && inner.trim_matches(' ').is_empty())
                }
                Chomping::Keep => true,
            };
            if ends && value.ends_with('\n') {
                value.pop();
            }
        }
        Ok(event)
    }

    /// The end of a text whose last line is `last`.
    fn end(&self, last: &str) -> Position {
        let breaks = self.text.chars().filter(|c| is_break(*c)).count() - self.text.matches("\r\n").count();
        let number = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        Position::new(number(breaks), number(last.chars().count()))
    }

    /// The reader's error with its place: the first character that YAML does not allow.
    fn forbidden(&self, error: &libyaml_safer::Error) -> Error {
        let allowed = |c| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        let before = self.text.split(|c| !allowed(c)).next().unwrap_or_default();
        let number = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        Error::new(error.problem(), Position::new(number(before.matches('\n').count()), number(column)))
    }

    /// True for the place after the line break that `new` has added.
    fn is_end(&self, mark: Mark) -> bool {
        usize::try_from(mark.index).is_ok_and(|index| index > self.text.len())
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What happens to the line breaks at the end of a block scalar.
enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// Reads the header of the block scalar whose properties start at `start`.
fn chomping(text: &str, start: Mark) -> Chomping {
    let mut rest = usize::try_from(start.index).ok().and_then(|at| text.get(at..)).unwrap_or_default();
    while rest.starts_with(['&', '!']) {
        rest = rest.trim_start_matches(|c: char| !c.is_whitespace()).trim_start();
    }
    let header = rest.split(char::is_whitespace).next().unwrap_or_default();
    if header.contains('+') {
        Chomping::Keep
    } else if header.contains('-') {
        Chomping::Strip
    } else {
        Chomping::Clip
    }
}
