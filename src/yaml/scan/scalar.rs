//! Scalars: blocks, quotes and plain texts.

use super::fetch::column;
use super::{Kind, Mark, Scan, Scanner, Style};

/// What becomes of the line breaks at the end of a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// Breaks and blanks between two lines or words of a scalar.
#[derive(Default)]
struct Between {
    blanks: String,
    /// The first line break.
    first: String,
    /// The others.
    others: String,
    /// Whether a line break was met.
    broken: bool,
}

impl Between {
    /// Joins what was read with what follows: one break becomes a space.
    fn join(&mut self, to: &mut String) {
        if self.broken {
            if self.first == "\n" {
                to.push_str(if self.others.is_empty() { " " } else { &self.others });
            } else {
                to.push_str(&self.first);
                to.push_str(&self.others);
            }
        } else {
            to.push_str(&self.blanks);
        }
        *self = Self::default();
    }
}

impl Scanner<'_> {
    pub(super) fn block_scalar(&mut self, literal: bool) -> Scan<()> {
        let start = self.cursor.mark;
        self.cursor.skip();
        self.cursor.want(1)?;
        let (chomping, increment) = self.block_header(start)?;
        self.end_of_line(start)?;
        let mut end = self.cursor.mark;
        let mut indent = if increment > 0 { self.indent.max(0) + increment } else { 0 };
        let (mut text, mut leading, mut trailing) = (String::new(), String::new(), String::new());
        self.block_breaks(&mut indent, &mut trailing, start, &mut end)?;
        self.cursor.want(1)?;
        let mut leading_blank = false;
        while column(self.cursor.mark) == indent && !self.cursor.is_end() {
            let blank = self.cursor.is_blank(0);
            if !literal && !leading_blank && !blank && leading.starts_with('\n') {
                if trailing.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(&leading);
            }
            leading.clear();
            text.push_str(&trailing);
            trailing.clear();
            leading_blank = blank;
            while !self.cursor.is_break_or_end(0) {
                self.cursor.read(&mut text);
                self.cursor.want(1)?;
            }
            self.cursor.want(2)?;
            self.cursor.read_break(&mut leading);
            self.block_breaks(&mut indent, &mut trailing, start, &mut end)?;
        }
        if chomping != Chomping::Strip {
            text.push_str(&leading);
        }
        if chomping == Chomping::Keep {
            text.push_str(&trailing);
        }
        self.tokens.push_back(super::Token { kind: Kind::Scalar { value: text, style: Style::Other }, start, end });
        Ok(())
    }

    /// What stands behind `|`: `+` or `-` and a digit, in any order.
    fn block_header(&mut self, start: Mark) -> Scan<(Chomping, i64)> {
        let mut chomping = self.chomping()?;
        let mut increment = 0;
        if let digit @ b'0'..=b'9' = self.cursor.byte(0) {
            if digit == b'0' {
                return self.error(start, "found an indentation indicator equal to 0");
            }
            increment = i64::from(digit - b'0');
            self.cursor.skip();
            if chomping.is_none() {
                self.cursor.want(1)?;
                chomping = self.chomping()?;
            }
        }
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    fn chomping(&mut self) -> Scan<Option<Chomping>> {
        let found = match self.cursor.byte(0) {
            b'+' => Chomping::Keep,
            b'-' => Chomping::Strip,
            _ => return Ok(None),
        };
        self.cursor.skip();
        self.cursor.want(1)?;
        Ok(Some(found))
    }

    /// Empty lines and indentation of a block; finds out how deep it is, where that is not known.
    fn block_breaks(&mut self, indent: &mut i64, breaks: &mut String, start: Mark, end: &mut Mark) -> Scan<()> {
        *end = self.cursor.mark;
        let mut deepest = 0;
        loop {
            self.cursor.want(1)?;
            while (*indent == 0 || column(self.cursor.mark) < *indent) && self.cursor.byte(0) == b' ' {
                self.cursor.skip();
                self.cursor.want(1)?;
            }
            deepest = deepest.max(column(self.cursor.mark));
            if (*indent == 0 || column(self.cursor.mark) < *indent) && self.cursor.byte(0) == b'\t' {
                return self.error(start, "found a tab character where an indentation space is expected");
            }
            if !self.cursor.is_break(0) {
                break;
            }
            self.cursor.want(2)?;
            self.cursor.read_break(breaks);
            *end = self.cursor.mark;
        }
        if *indent == 0 {
            *indent = deepest.max(self.indent + 1).max(1);
        }
        Ok(())
    }

    pub(super) fn flow_scalar(&mut self, single: bool) -> Scan<()> {
        let start = self.cursor.mark;
        let quote = if single { b'\'' } else { b'"' };
        self.cursor.skip();
        let mut text = String::new();
        let mut between = Between::default();
        loop {
            self.cursor.want(4)?;
            if self.cursor.is_document_indicator() {
                return self.error(start, "found unexpected document indicator");
            }
            if self.cursor.is_end() {
                return self.error(start, "found unexpected end of stream");
            }
            while !self.cursor.is_blank_or_end(0) {
                let byte = self.cursor.byte(0);
                if single && byte == quote && self.cursor.byte(1) == quote {
                    text.push('\'');
                    self.cursor.skip_many(2);
                } else if byte == quote {
                    break;
                } else if !single && byte == b'\\' && self.cursor.is_break(1) {
                    self.cursor.want(3)?;
                    self.cursor.skip();
                    self.cursor.skip_break();
                    between.broken = true;
                    break;
                } else if !single && byte == b'\\' {
                    self.escape(start, &mut text)?;
                } else {
                    self.cursor.read(&mut text);
                }
                self.cursor.want(2)?;
            }
            self.cursor.want(1)?;
            if self.cursor.byte(0) == quote {
                break;
            }
            self.blanks_and_breaks(&mut between, None)?;
            between.join(&mut text);
        }
        self.cursor.skip();
        self.push_from(Kind::Scalar { value: text, style: Style::Other }, start);
        Ok(())
    }

    /// Blanks and line breaks. In a plain text, tabs must not stand for the indentation: `plain` says from which column on they
    /// may stand, and where the text began.
    fn blanks_and_breaks(&mut self, between: &mut Between, plain: Option<(i64, Mark)>) -> Scan<()> {
        loop {
            if self.cursor.is_blank(0) {
                if let Some((indent, start)) = plain
                    && between.broken
                    && column(self.cursor.mark) < indent
                    && self.cursor.byte(0) == b'\t'
                {
                    return self.error(start, "found a tab character that violates indentation");
                }
                if between.broken {
                    self.cursor.skip();
                } else {
                    self.cursor.read(&mut between.blanks);
                }
            } else if self.cursor.is_break(0) {
                self.cursor.want(2)?;
                if between.broken {
                    self.cursor.read_break(&mut between.others);
                } else {
                    between.blanks.clear();
                    self.cursor.read_break(&mut between.first);
                    between.broken = true;
                }
            } else {
                return Ok(());
            }
            self.cursor.want(1)?;
        }
    }

    fn escape(&mut self, start: Mark, text: &mut String) -> Scan<()> {
        let mut length = 0;
        match self.cursor.byte(1) {
            b'0' => text.push('\0'),
            b'a' => text.push('\x07'),
            b'b' => text.push('\x08'),
            b't' | b'\t' => text.push('\t'),
            b'n' => text.push('\n'),
            b'v' => text.push('\x0B'),
            b'f' => text.push('\x0C'),
            b'r' => text.push('\r'),
            b'e' => text.push('\x1B'),
            b' ' => text.push(' '),
            b'"' => text.push('"'),
            b'\'' => text.push('\''),
            b'\\' => text.push('\\'),
            b'N' => text.push('\u{85}'),
            b'_' => text.push('\u{a0}'),
            b'L' => text.push('\u{2028}'),
            b'P' => text.push('\u{2029}'),
            b'x' => length = 2,
            b'u' => length = 4,
            b'U' => length = 8,
            _ => return self.error(start, "found unknown escape character"),
        }
        self.cursor.skip_many(2);
        if length > 0 {
            self.cursor.want(length)?;
            let mut value = 0u32;
            for ahead in 0..length {
                let Some(digit) = char::from(self.cursor.byte(ahead)).to_digit(16) else {
                    return self.error(start, "did not find expected hexdecimal number");
                };
                value = value << 4 | digit;
            }
            let Some(c) = char::from_u32(value) else {
                return self.error(start, "found invalid Unicode character escape code");
            };
            text.push(c);
            self.cursor.skip_many(length);
        }
        Ok(())
    }

    pub(super) fn plain_scalar(&mut self) -> Scan<()> {
        let start = self.cursor.mark;
        let mut end = start;
        let indent = self.indent + 1;
        let mut text = String::new();
        let mut between = Between::default();
        loop {
            self.cursor.want(4)?;
            if self.cursor.is_document_indicator() || self.cursor.byte(0) == b'#' {
                break;
            }
            while !self.cursor.is_blank_or_end(0) {
                let byte = self.cursor.byte(0);
                if (byte == b':' && self.cursor.is_blank_or_end(1))
                    || (self.flow_level > 0 && matches!(byte, b',' | b'?' | b'[' | b']' | b'{' | b'}'))
                {
                    break;
                }
                if between.broken || !between.blanks.is_empty() {
                    between.join(&mut text);
                }
                self.cursor.read(&mut text);
                end = self.cursor.mark;
                self.cursor.want(2)?;
            }
            if !(self.cursor.is_blank(0) || self.cursor.is_break(0)) {
                break;
            }
            self.cursor.want(1)?;
            self.blanks_and_breaks(&mut between, Some((indent, start)))?;
            if self.flow_level == 0 && column(self.cursor.mark) < indent {
                break;
            }
        }
        self.tokens.push_back(super::Token { kind: Kind::Scalar { value: text, style: Style::Plain }, start, end });
        if between.broken {
            self.simple_key_allowed = true;
        }
        Ok(())
    }
}
