//! Where in a template text something stands, for people: the real place, which Go's own numbers often miss (a field's column is
//! that of its second name, a parse error has no column, lines of comments do not count in Go 1.23).

use std::sync::Arc;

use super::ast::Source;

/// A place in a template text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name that the text was parsed under: a file of a chart, or what `tpl` calls its texts.
    pub source: Arc<str>,
    /// The template that was being parsed or executed: the text's own name, or that of a `define` in it.
    pub define: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
    /// Where, in bytes from the start of the text; what Go counts from.
    pub offset: usize,
    /// What stands there, as error messages print it; may be empty.
    pub node: String,
}

impl Place {
    pub(super) fn new(source: &Source, define: &Arc<str>, offset: usize, node: String) -> Self {
        Self {
            source: Arc::clone(&source.name),
            define: Arc::clone(define),
            text: Arc::clone(&source.text),
            offset: offset.min(source.text.len()),
            node,
        }
    }

    /// The bytes that the node covers: its first line, found around [`Place::offset`]. Empty where nothing is known of it.
    #[must_use]
    pub fn range(&self) -> std::ops::Range<usize> {
        let at = self.offset;
        let here = at..at;
        // Go prints a node in its own way (one space between words): what is found letter by letter is it, and else its start.
        let node = self.node.lines().next().unwrap_or_default();
        let first = node.split([' ', '|']).next().unwrap_or_default();
        for wanted in [node, first] {
            if wanted.is_empty() {
                continue;
            }
            let line_start = self.text[..floor(&self.text, at)].rfind('\n').map_or(0, |end| end + 1);
            let starts = (line_start..=at).rev();
            for start in starts.take(wanted.len() + 3) {
                if self.text.get(start..).is_some_and(|rest| rest.starts_with(wanted)) && start + wanted.len() >= at {
                    return start..start + wanted.len();
                }
            }
        }
        here
    }

    /// Line and column of where the node starts, both from 1; a column counts characters.
    #[must_use]
    pub fn position(&self) -> (u32, u32) {
        let at = floor(&self.text, self.range().start);
        let before = &self.text[..at];
        let line = 1 + before.bytes().filter(|&b| b == b'\n').count();
        let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }

    /// How many characters of its line the node covers, at least 1.
    #[must_use]
    pub fn width(&self) -> usize {
        self.text.get(self.range()).map_or(1, |covered| covered.chars().count().max(1))
    }
}

/// The start of the character that holds this byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, offset: usize, node: &str) -> Place {
        let source = Source { name: "a".into(), text: text.into() };
        Place::new(&source, &"a".into(), offset, node.to_owned())
    }

    #[test]
    fn a_field_starts_before_what_go_counts() {
        let text = "a: 1\n\tté: {{ .Values.image.tag }}";
        let at = text.find(".image").unwrap();
        let found = place(text, at, ".Values.image.tag");
        assert_eq!((found.position(), found.width()), ((2, 9), 17));
    }

    #[test]
    fn nodes_that_are_printed_differently_are_found_by_their_start() {
        let text = "{{   include   \"x\"  . }}";
        let found = place(text, 5, "include \"x\" .");
        assert_eq!((found.position(), found.width()), ((1, 6), 7));
        assert_eq!(place(text, 900, "zzz").position(), (1, 25));
        assert_eq!(place("", 0, "").width(), 1);
    }
}
