//! Scalars of every style, folded as YAML folds them.

use std::borrow::Cow;

use super::Scalar;
use super::block::Scanner;

/// What ends a plain text on its line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PlainEnd {
    /// A `:` with a blank behind it, maybe with spaces before it.
    Colon,
    /// A comment.
    Comment,
    Line,
}

/// What happens to the line breaks at the end of a block scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// Characters that cannot start a plain text, besides `-`, `?` and `:`.
pub(super) fn is_indicator(b: u8) -> bool {
    matches!(
        b,
        b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@' | b'`'
    )
}

/// One break becomes a space, several become one less.
fn fold(text: &mut String, breaks: usize) {
    match breaks {
        0 => {}
        1 => text.push(' '),
        n => text.extend(std::iter::repeat_n('\n', n - 1)),
    }
}

impl<'t> Scanner<'t> {
    /// The plain text of this line outside of flow collections, and what ends it. Ends there.
    pub(super) fn plain_line(&mut self) -> Option<(&'t str, PlainEnd)> {
        let first = self.peek(0);
        if is_indicator(first) || matches!(first, b'\t' | 0) || (matches!(first, b'-' | b'?' | b':') && self.blank(1)) {
            return None;
        }
        Some(self.plain_run())
    }

    /// The text up to a `: `, a comment or the line's end.
    fn plain_run(&mut self) -> (&'t str, PlainEnd) {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let end = loop {
            let found = memchr::memchr3(b':', b'#', b'\n', &bytes[self.at..]);
            self.at = found.map_or(bytes.len(), |found| self.at + found);
            match self.peek(0) {
                b':' if self.blank(1) => break PlainEnd::Colon,
                b'#' if self.at > start && matches!(bytes[self.at - 1], b' ' | b'\t') => break PlainEnd::Comment,
                b':' | b'#' => self.at += 1,
                _ => break PlainEnd::Line,
            }
        };
        (self.text[start..self.at].trim_end_matches([' ', '\t']), end)
    }

    /// A plain text that may go on in further lines, which have to stand deeper than the collection around it.
    pub(super) fn plain(&mut self, parent: isize, keeps: bool) -> Option<Cow<'t, str>> {
        let (first, mut end) = self.plain_line()?;
        let mut text = Cow::Borrowed(first);
        loop {
            match end {
                PlainEnd::Colon => return None,
                PlainEnd::Comment => {
                    self.skip_to_line_end();
                    return Some(text);
                }
                PlainEnd::Line => {}
            }
            let Some((breaks, at, line)) = self.continued(parent)? else { return Some(text) };
            (self.at, self.line) = (at, line);
            let (more, ended) = self.plain_run();
            end = ended;
            if keeps {
                let text = text.to_mut();
                fold(text, breaks);
                text.push_str(more);
            }
        }
    }

    /// From a line's end to the next line that goes on with a plain text: breaks passed, position, start of the line.
    /// `Some(None)`: no line does.
    fn continued(&self, parent: isize) -> Option<Option<(usize, usize, usize)>> {
        let bytes = self.text.as_bytes();
        let (mut at, mut line, mut breaks) = (self.at, self.line, 0);
        loop {
            match bytes.get(at) {
                None => return Some(None),
                Some(b'\n') => {
                    breaks += 1;
                    at += 1;
                    line = at;
                }
                Some(b' ') => at += 1,
                Some(b'\t') => return None,
                Some(_) if (at - line).cast_signed() <= parent || bytes[at] == b'#' => return Some(None),
                // A document's mark may stand here.
                Some(_) if at == line => return None,
                Some(_) => return Some(Some((breaks, at, line))),
            }
        }
    }

    /// A quoted text, in one line or more. Ends behind its closing quote.
    pub(super) fn quoted(&mut self) -> Option<Cow<'t, str>> {
        let quote = self.peek(0);
        self.at += 1;
        let start = self.at;
        let bytes = self.text.as_bytes();
        loop {
            self.at += bytes[self.at..].iter().position(|b| *b == quote || matches!(b, b'\\' | b'\n'))?;
            match bytes[self.at] {
                b'\n' => break,
                b'\\' if quote == b'"' => break,
                b'\\' => self.at += 1,
                _ if quote == b'\'' && self.peek(1) == b'\'' => break,
                _ => {
                    self.at += 1;
                    return Some(Cow::Borrowed(&self.text[start..self.at - 1]));
                }
            }
        }
        let mut text = self.text[start..self.at].to_owned();
        self.quoted_rest(quote, &mut text)?;
        Some(Cow::Owned(text))
    }

    fn quoted_rest(&mut self, quote: u8, text: &mut String) -> Option<()> {
        let bytes = self.text.as_bytes();
        // Blanks before here were written as escapes and do not fold away.
        let mut kept = 0;
        loop {
            let run = bytes[self.at..].iter().position(|b| *b == quote || matches!(b, b'\\' | b'\n'))?;
            text.push_str(&self.text[self.at..self.at + run]);
            self.at += run;
            match bytes[self.at] {
                b'\n' => {
                    let end = kept.max(text.trim_end_matches([' ', '\t']).len());
                    text.truncate(end);
                    let breaks = self.line_breaks()?;
                    fold(text, breaks);
                    kept = text.len();
                }
                b'\\' if quote == b'\'' => {
                    text.push('\\');
                    self.at += 1;
                }
                b'\\' => {
                    self.escape(text)?;
                    kept = text.len();
                }
                _ if quote == b'\'' && self.peek(1) == b'\'' => {
                    text.push('\'');
                    self.at += 2;
                    kept = text.len();
                }
                _ => {
                    self.at += 1;
                    return Some(());
                }
            }
        }
    }

    /// The breaks from a line's end within quotes to the next text; the blanks around them go.
    fn line_breaks(&mut self) -> Option<usize> {
        let mut breaks = 0;
        loop {
            match self.peek(0) {
                b'\n' => {
                    breaks += 1;
                    self.new_line();
                    if self.is_document_mark() {
                        return None;
                    }
                }
                b' ' | b'\t' => self.at += 1,
                0 => return None,
                _ => return Some(breaks),
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Option<()> {
        let digits = match self.peek(1) {
            b'n' => return self.escaped(text, '\n'),
            b't' => return self.escaped(text, '\t'),
            b'r' => return self.escaped(text, '\r'),
            b'"' => return self.escaped(text, '"'),
            b' ' => return self.escaped(text, ' '),
            b'\\' => return self.escaped(text, '\\'),
            b'x' => 2,
            b'u' => 4,
            _ => return None,
        };
        let hex = self.rest().get(2..2 + digits)?;
        if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        text.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
        self.at += 2 + digits;
        Some(())
    }

    fn escaped(&mut self, text: &mut String, c: char) -> Option<()> {
        text.push(c);
        self.at += 2;
        Some(())
    }

    /// A literal (`|`) or folded (`>`) scalar within the collection in this column. Ends at a line's start.
    pub(super) fn block_scalar(&mut self, parent: isize, keeps: bool) -> Option<Scalar<'t>> {
        let literal = self.peek(0) == b'|';
        self.at += 1;
        let mut chomping = Chomping::Clip;
        let mut indent = None;
        loop {
            match self.peek(0) {
                b'+' if chomping == Chomping::Clip => chomping = Chomping::Keep,
                b'-' if chomping == Chomping::Clip => chomping = Chomping::Strip,
                b @ b'1'..=b'9' if indent.is_none() => {
                    indent = Some(parent.max(0).cast_unsigned() + usize::from(b - b'0'));
                }
                _ => break,
            }
            self.at += 1;
        }
        self.end_of_line()?;
        if self.peek(0) == 0 {
            // The text ends behind the mark.
            return Some(Scalar { text: Cow::Borrowed(""), plain: false });
        }
        self.new_line();
        let indent = match indent {
            Some(indent) => indent,
            None => self.detected_indent(parent)?,
        };
        let mut out = Block { text: String::new(), breaks: 0, after_blank: false, started: false };
        let bytes = self.text.as_bytes();
        loop {
            let spaces = bytes[self.at..].iter().take(indent).take_while(|b| **b == b' ').count();
            let at = self.at + spaces;
            match bytes.get(at) {
                Some(b'\n') => {
                    out.breaks += 1;
                    self.at = at;
                    self.new_line();
                }
                // Lines of spaces at the end of the text, without a break: the long way knows what Go does.
                None if spaces > 0 => return None,
                None => break,
                Some(b'\t') if spaces < indent => return None,
                Some(_) if spaces < indent => break,
                Some(_) => {
                    let length = memchr::memchr(b'\n', &bytes[at..]);
                    let end = length.map_or(bytes.len(), |length| at + length);
                    if keeps {
                        out.line(&self.text[at..end], literal);
                    }
                    self.at = end;
                    if length.is_none() {
                        if self.text[at..].trim_matches(' ').is_empty() {
                            return None;
                        }
                        break;
                    }
                    out.breaks = 1;
                    self.new_line();
                }
            }
        }
        Some(Scalar { text: Cow::Owned(out.finish(chomping)), plain: false })
    }

    /// The indentation of the first line with content.
    fn detected_indent(&self, parent: isize) -> Option<usize> {
        let mut widest = 0;
        let least = (parent + 1).max(1).cast_unsigned();
        let mut rest = self.rest();
        while !rest.is_empty() {
            let (line, below) = rest.split_at(memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len()));
            rest = below.get(1..).unwrap_or_default();
            let content = line.trim_start_matches(' ');
            let indent = line.len() - content.len();
            if content.is_empty() {
                widest = widest.max(indent);
                continue;
            }
            if content.starts_with('\t') {
                return None;
            }
            // Empty lines that are wider than the first line, Go takes for the measure.
            return (widest <= indent.max(least)).then_some(indent.max(least));
        }
        None
    }
}

/// A block scalar that is being read.
struct Block {
    text: String,
    /// Breaks since the last line with content.
    breaks: usize,
    /// The last line with content started with a blank: it does not fold.
    after_blank: bool,
    started: bool,
}

impl Block {
    fn line(&mut self, line: &str, literal: bool) {
        let blank = line.starts_with([' ', '\t']);
        let folds = !literal && self.started && !self.after_blank && !blank;
        if folds {
            fold(&mut self.text, self.breaks);
        } else {
            self.text.extend(std::iter::repeat_n('\n', self.breaks));
        }
        self.text.push_str(line);
        self.breaks = 0;
        self.after_blank = blank;
        self.started = true;
    }

    fn finish(mut self, chomping: Chomping) -> String {
        let breaks = match chomping {
            Chomping::Strip => 0,
            Chomping::Clip if self.started => self.breaks.min(1),
            Chomping::Clip => 0,
            Chomping::Keep => self.breaks,
        };
        self.text.extend(std::iter::repeat_n('\n', breaks));
        self.text
    }
}
