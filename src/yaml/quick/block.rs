//! Block maps and lists, told apart by columns.

use super::scalar::PlainEnd;
use super::sink::{Sink, Skip};
use super::{DEPTH, KEY, Scalar, is_ordinary};

/// A position in a text. All methods that read something answer `None` where the long way has to read the text.
pub(super) struct Scanner<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    /// Where the line of `at` starts.
    pub(super) line: usize,
    depth: usize,
}

/// What stands at a place of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Something in this column, the first thing in its line.
    Column(isize),
    /// Nothing any more.
    End,
}

impl<'t> Scanner<'t> {
    /// Over a text of ordinary characters.
    pub(super) fn new(text: &'t str) -> Option<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        is_ordinary(text).then_some(Self { text, at: 0, line: 0, depth: 0 })
    }

    /// The one document of the text; `Some(None)` when there is none.
    pub(super) fn document<S: Sink>(&mut self, sink: S) -> Option<Option<S::Value>> {
        let mut next = self.next_thing()?;
        let marked = next == Next::Column(0) && self.is_document_mark();
        if marked {
            if self.peek(0) == b'.' {
                return None;
            }
            self.at += 3;
            self.end_of_line()?;
            next = self.next_line()?;
        }
        let Next::Column(column) = next else { return (!marked).then_some(None) };
        let value = self.node(sink, column, -1)?;
        (self.next_line()? == Next::End).then_some(Some(value))
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// The byte at a distance; 0 after the end (a text here holds no 0).
    pub(super) fn peek(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Whether a space, a line's end or the text's end stands there.
    pub(super) fn blank(&self, ahead: usize) -> bool {
        matches!(self.peek(ahead), b' ' | b'\t' | b'\n' | 0)
    }

    pub(super) fn skip_spaces(&mut self) {
        while self.peek(0) == b' ' {
            self.at += 1;
        }
    }

    pub(super) fn new_line(&mut self) {
        self.at += 1;
        self.line = self.at;
    }

    pub(super) fn skip_to_line_end(&mut self) {
        let rest = self.rest();
        self.at += memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
    }

    fn column(&self) -> isize {
        (self.at - self.line).cast_signed()
    }

    /// Nothing but a comment may follow on this line; then goes on to what comes next.
    pub(super) fn end_of_line(&mut self) -> Option<()> {
        let blank = self.at == self.line || self.text.as_bytes()[self.at - 1] == b' ' || self.peek(0) == b' ';
        self.skip_spaces();
        match self.peek(0) {
            b'\n' | 0 => Some(()),
            b'#' if blank => {
                self.skip_to_line_end();
                Some(())
            }
            _ => None,
        }
    }

    /// From a line's start or end to the first thing on a line, over comments and empty lines.
    fn next_thing(&mut self) -> Option<Next> {
        loop {
            self.skip_spaces();
            match self.peek(0) {
                b'\n' => self.new_line(),
                b'#' => self.skip_to_line_end(),
                b'\t' => return None,
                0 => return Some(Next::End),
                _ => return Some(Next::Column(self.column())),
            }
        }
    }

    /// As [`Self::next_thing`], but no other document's start or end.
    fn next_line(&mut self) -> Option<Next> {
        let next = self.next_thing()?;
        (next != Next::Column(0) || !self.is_document_mark()).then_some(next)
    }

    pub(super) fn is_document_mark(&self) -> bool {
        (self.rest().starts_with("---") || self.rest().starts_with("...")) && self.blank(3)
    }

    fn is_item(&self) -> bool {
        self.peek(0) == b'-' && self.blank(1)
    }

    /// A node that starts here, in this column; `parent` is the column of the collection that it stands in. Ends at a line's
    /// end or start.
    fn node<S: Sink>(&mut self, sink: S, column: isize, parent: isize) -> Option<S::Value> {
        if self.depth >= DEPTH {
            return None;
        }
        self.depth += 1;
        let value = self.node_here(sink, column, parent);
        self.depth -= 1;
        value
    }

    fn node_here<S: Sink>(&mut self, sink: S, column: isize, parent: isize) -> Option<S::Value> {
        match self.peek(0) {
            b'-' if self.is_item() => return self.list(sink, column, false),
            b'|' | b'>' => return self.block_scalar(parent, S::KEEPS).and_then(|scalar| sink.scalar(scalar)),
            b'[' | b'{' => {
                let value = self.flow(sink, 0)?;
                // A collection as a key ends here too.
                self.end_of_line()?;
                return Some(value);
            }
            _ => {}
        }
        let start = (self.at, self.line);
        if let Some(key) = self.key() {
            return self.map(sink, column, key);
        }
        (self.at, self.line) = start;
        let scalar = self.scalar(parent, S::KEEPS)?;
        sink.scalar(scalar)
    }

    /// A quoted or plain scalar that ends its line.
    fn scalar(&mut self, parent: isize, keeps: bool) -> Option<Scalar<'t>> {
        match self.peek(0) {
            b'"' | b'\'' => {
                let text = self.quoted()?;
                self.end_of_line()?;
                Some(Scalar { text, plain: false })
            }
            _ => Some(Scalar { text: self.plain(parent, keeps)?, plain: true }),
        }
    }

    /// A key with its `:`; `None` when there is none (or something odd), anywhere in the line then.
    fn key(&mut self) -> Option<Scalar<'t>> {
        let start = self.at;
        let scalar = match self.peek(0) {
            b'"' | b'\'' => {
                let line = self.line;
                let text = self.quoted()?;
                if line != self.line {
                    return None;
                }
                Scalar { text, plain: false }
            }
            _ => {
                let (text, end) = self.plain_line()?;
                if end != PlainEnd::Colon {
                    return None;
                }
                Scalar { text: text.into(), plain: true }
            }
        };
        self.skip_spaces();
        let is_key = self.peek(0) == b':' && self.blank(1) && self.at - start <= KEY;
        let is_merge = scalar.plain && scalar.text == "<<";
        self.at += 1;
        (is_key && !is_merge).then_some(scalar)
    }

    fn map<S: Sink>(&mut self, sink: S, column: isize, mut key: Scalar<'t>) -> Option<S::Value> {
        let mut map = S::Map::default();
        loop {
            let (key_read, inner) = sink.key(key)?;
            match inner {
                Some(inner) => {
                    let value = self.map_value(inner, column)?;
                    sink.entry(&mut map, key_read, value)?;
                }
                None => self.map_value(Skip, column)?,
            }
            match self.next_line()? {
                Next::Column(next) if next == column => key = self.key()?,
                Next::Column(next) if next > column => return None,
                _ => return Some(sink.map(map)),
            }
        }
    }

    /// What stands behind a key's `:`.
    fn map_value<S: Sink>(&mut self, sink: S, column: isize) -> Option<S::Value> {
        self.skip_spaces();
        match self.peek(0) {
            b'\n' | 0 | b'#' => {
                self.end_of_line()?;
                match self.next_line()? {
                    Next::Column(next) if next > column => self.node(sink, next, column),
                    Next::Column(next) if next == column && self.is_item() => self.list(sink, column, true),
                    _ => Some(sink.null()),
                }
            }
            b'|' | b'>' => self.block_scalar(column, S::KEEPS).and_then(|scalar| sink.scalar(scalar)),
            b'[' | b'{' => {
                let value = self.flow(sink, 0)?;
                self.end_of_line()?;
                Some(value)
            }
            _ => self.scalar(column, S::KEEPS).and_then(|scalar| sink.scalar(scalar)),
        }
    }

    /// A list whose marks stand in this column; `indentless` when it is the value of a key in the same column.
    fn list<S: Sink>(&mut self, sink: S, column: isize, indentless: bool) -> Option<S::Value> {
        if self.depth >= DEPTH {
            return None;
        }
        self.depth += 1;
        let mut list = S::List::default();
        loop {
            self.at += 1;
            self.skip_spaces();
            let value = match self.peek(0) {
                b'\n' | 0 | b'#' => {
                    self.end_of_line()?;
                    match self.next_line()? {
                        Next::Column(next) if next > column => self.node(sink, next, column)?,
                        _ => sink.null(),
                    }
                }
                b'\t' => return None,
                _ => {
                    let inner = self.column();
                    self.node(sink, inner, column)?
                }
            };
            sink.item(&mut list, value);
            match self.next_line()? {
                Next::Column(next) if next == column && self.is_item() => {}
                Next::Column(next) if next > column || (next == column && !indentless) => return None,
                _ => break,
            }
        }
        self.depth -= 1;
        Some(sink.list(list))
    }
}
