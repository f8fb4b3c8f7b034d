//! Lists in brackets and maps in braces.

use super::block::Scanner;
use super::scalar::is_indicator;
use super::sink::{Sink, Skip};
use super::{DEPTH, KEY, Scalar};

impl<'t> Scanner<'t> {
    /// A list or map that starts here. Ends behind its closing bracket.
    pub(super) fn flow<S: Sink>(&mut self, sink: S, depth: usize) -> Option<S::Value> {
        if depth > DEPTH {
            return None;
        }
        let is_list = self.peek(0) == b'[';
        self.at += 1;
        if is_list { self.flow_list(sink, depth) } else { self.flow_map(sink, depth) }
    }

    fn flow_list<S: Sink>(&mut self, sink: S, depth: usize) -> Option<S::Value> {
        let mut list = S::List::default();
        loop {
            self.flow_space()?;
            if self.peek(0) == b']' {
                break;
            }
            let value = self.flow_node(sink, depth)?;
            sink.item(&mut list, value);
            self.flow_space()?;
            match self.peek(0) {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(sink.list(list))
    }

    fn flow_map<S: Sink>(&mut self, sink: S, depth: usize) -> Option<S::Value> {
        let mut map = S::Map::default();
        loop {
            self.flow_space()?;
            if self.peek(0) == b'}' {
                break;
            }
            let start = self.at;
            let line = self.line;
            let key = self.flow_scalar()?;
            // A plain key ends at a `:` with a blank behind it.
            let is_key = self.peek(0) == b':' && (!key.plain || self.blank(1));
            if !is_key || self.line != line || self.at - start > KEY || (key.plain && key.text == "<<") {
                return None;
            }
            self.at += 1;
            self.flow_space()?;
            let (key, inner) = sink.key(key)?;
            match inner {
                Some(inner) => {
                    let value = self.flow_value(inner, depth)?;
                    sink.entry(&mut map, key, value)?;
                }
                None => self.flow_value(Skip, depth)?,
            }
            self.flow_space()?;
            match self.peek(0) {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(sink.map(map))
    }

    fn flow_value<S: Sink>(&mut self, sink: S, depth: usize) -> Option<S::Value> {
        if matches!(self.peek(0), b',' | b'}') { Some(sink.null()) } else { self.flow_node(sink, depth) }
    }

    fn flow_node<S: Sink>(&mut self, sink: S, depth: usize) -> Option<S::Value> {
        match self.peek(0) {
            b'[' | b'{' => self.flow(sink, depth + 1),
            _ => {
                let scalar = self.flow_scalar()?;
                sink.scalar(scalar)
            }
        }
    }

    fn flow_scalar(&mut self) -> Option<Scalar<'t>> {
        if matches!(self.peek(0), b'"' | b'\'') {
            return Some(Scalar { text: self.quoted()?, plain: false });
        }
        let bytes = self.text.as_bytes();
        let start = self.at;
        let first = self.peek(0);
        if is_indicator(first)
            || matches!(first, b'-' | b'?' | b':' | b'\t' | 0) && !self.peek(1).is_ascii_alphanumeric()
        {
            return None;
        }
        if first == b'?' || first == b':' {
            return None;
        }
        loop {
            match self.peek(0) {
                b',' | b'[' | b']' | b'{' | b'}' => break,
                b':' if self.blank(1) => break,
                // Go has rules of its own for these, and a text may go on in the next line.
                b':' | b'?' | b'\n' | 0 => return None,
                b'#' if matches!(bytes[self.at - 1], b' ' | b'\t') => return None,
                _ => self.at += 1,
            }
        }
        let text = self.text[start..self.at].trim_end_matches([' ', '\t']);
        Some(Scalar { text: text.into(), plain: true })
    }

    /// Blanks, line breaks and comments.
    fn flow_space(&mut self) -> Option<()> {
        loop {
            match self.peek(0) {
                b' ' => self.at += 1,
                b'\n' => {
                    self.new_line();
                    if self.is_document_mark() || self.peek(0) == b'%' {
                        return None;
                    }
                }
                b'#' if self.at == self.line || self.text.as_bytes()[self.at - 1] == b' ' => self.skip_to_line_end(),
                b'#' | b'\t' | 0 => return None,
                _ => return Some(()),
            }
        }
    }
}
