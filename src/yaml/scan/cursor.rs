//! The place in the text that is being read. go-yaml reads its input in pieces and looks at the characters of a piece when it
//! comes to it, so a character that YAML does not allow is found only then; this counts the pieces too.

use super::{Finder, Mark, Scan, SyntaxError};

/// Bytes of a piece.
const PIECE: usize = 512;

pub(super) struct Cursor<'t> {
    bytes: &'t [u8],
    /// The next byte.
    at: usize,
    /// Up to where the text was looked at.
    loaded: usize,
    /// Characters between the two, and what stands for the end.
    unread: usize,
    /// Where the piece that holds the next character began when it was loaded.
    base: usize,
    pub(super) mark: Mark,
}

const MARK: &[u8] = b"\xef\xbb\xbf";

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let start = if bytes.starts_with(MARK) { MARK.len() } else { 0 };
        Self { bytes, at: start, loaded: start, unread: 0, base: start, mark: Mark::default() }
    }

    /// Makes sure that so many characters were looked at.
    pub(super) fn want(&mut self, count: usize) -> Scan<()> {
        if self.unread >= count { Ok(()) } else { self.load(count) }
    }

    fn load(&mut self, count: usize) -> Scan<()> {
        self.base = self.at;
        while self.unread < count {
            if self.loaded >= self.bytes.len() {
                self.unread += 1;
                break;
            }
            // The first piece counts a byte order mark.
            let start = if self.loaded == MARK.len() && self.bytes.starts_with(MARK) { 0 } else { self.loaded };
            let mut end = (start + PIECE).min(self.bytes.len());
            while end < self.bytes.len() && self.bytes[end] & 0xC0 == 0x80 {
                end -= 1;
            }
            let piece = &self.bytes[self.loaded..end];
            if let Some(bad) = forbidden(piece) {
                return Err(self.refuse(self.loaded + bad));
            }
            self.unread += piece.iter().filter(|b| **b & 0xC0 != 0x80).count();
            self.loaded = end;
        }
        Ok(())
    }

    /// The error for the character at a byte. Go gives no place; ours is the true one.
    fn refuse(&self, at: usize) -> SyntaxError {
        let before = &self.bytes[..at];
        let line = before.iter().filter(|b| **b == b'\n').count();
        let row = before.rsplit(|b| *b == b'\n').next().unwrap_or_default();
        let column = row.iter().filter(|b| **b & 0xC0 != 0x80).count();
        let mark = Mark { index: at, line, column };
        let problem = "control characters are not allowed".to_owned();
        SyntaxError { finder: Finder::Reader, problem, at: mark, context: mark }
    }

    /// The byte so many bytes ahead; 0 behind the end.
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    pub(super) fn is_end(&self) -> bool {
        self.byte(0) == 0
    }

    pub(super) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    pub(super) fn is_break(&self, ahead: usize) -> bool {
        match self.byte(ahead) {
            b'\r' | b'\n' => true,
            0xC2 => self.byte(ahead + 1) == 0x85,
            0xE2 => self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xA8 | 0xA9),
            _ => false,
        }
    }

    pub(super) fn is_break_or_end(&self, ahead: usize) -> bool {
        self.byte(ahead) == 0 || self.is_break(ahead)
    }

    pub(super) fn is_blank_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break_or_end(ahead)
    }

    /// A letter, a digit, `_` or `-`.
    pub(super) fn is_word(&self) -> bool {
        let byte = self.byte(0);
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
    }

    /// go-yaml looks for a byte order mark where its buffer begins, which need not be the next character.
    pub(super) fn buffer_begins_with_mark(&self) -> bool {
        self.bytes[self.base..].starts_with(MARK)
    }

    /// `---` or `...` at the beginning of a line, and nothing else on it.
    pub(super) fn is_document_indicator(&self) -> bool {
        let three = |byte| (0..3).all(|ahead| self.byte(ahead) == byte);
        self.mark.column == 0 && (three(b'-') || three(b'.')) && self.is_blank_or_end(3)
    }

    fn width(&self) -> usize {
        match self.byte(0) {
            0..=0x7F => 1,
            0x80..=0xDF => 2,
            0xE0..=0xEF => 3,
            _ => 4,
        }
    }

    /// Passes a character.
    pub(super) fn skip(&mut self) {
        self.mark.index += 1;
        self.mark.column += 1;
        self.unread = self.unread.saturating_sub(1);
        self.at = (self.at + self.width()).min(self.bytes.len());
    }

    /// Passes several characters.
    pub(super) fn skip_many(&mut self, count: usize) {
        for _ in 0..count {
            self.skip();
        }
    }

    /// Passes blanks.
    pub(super) fn skip_blanks(&mut self) -> Scan<()> {
        while self.is_blank(0) {
            self.skip();
            self.want(1)?;
        }
        Ok(())
    }

    /// Passes a comment, if there is one.
    pub(super) fn skip_comment(&mut self) -> Scan<()> {
        if self.byte(0) == b'#' {
            while !self.is_break_or_end(0) {
                self.skip();
                self.want(1)?;
            }
        }
        Ok(())
    }

    /// Passes a line break, if there is one.
    pub(super) fn skip_break(&mut self) {
        let crlf = self.byte(0) == b'\r' && self.byte(1) == b'\n';
        if !crlf && !self.is_break(0) {
            return;
        }
        if crlf {
            self.mark.index += 1;
            self.unread = self.unread.saturating_sub(1);
            self.at += 1;
        }
        self.skip();
        self.mark.column = 0;
        self.mark.line += 1;
    }

    /// Copies a character.
    pub(super) fn read(&mut self, to: &mut String) {
        let start = self.at;
        if let byte @ 1..=0x7F = self.byte(0) {
            to.push(char::from(byte));
            self.skip();
            return;
        }
        self.skip();
        // Both ends are those of characters.
        to.push_str(std::str::from_utf8(&self.bytes[start..self.at]).unwrap_or_default());
    }

    /// Copies a line break; each but Unicode's separators becomes `\n`.
    pub(super) fn read_break(&mut self, to: &mut String) {
        if !self.is_break(0) {
            return;
        }
        match (self.byte(0), self.byte(2)) {
            (0xE2, 0xA8) => to.push('\u{2028}'),
            (0xE2, _) => to.push('\u{2029}'),
            _ => to.push('\n'),
        }
        self.skip_break();
    }
}

/// Where the first character stands that YAML does not allow.
fn forbidden(piece: &[u8]) -> Option<usize> {
    let ordinary = |b: u8| matches!(b, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    if piece.iter().all(|b| ordinary(*b)) {
        return None;
    }
    let text = std::str::from_utf8(piece).ok()?;
    text.char_indices().find(|(_, c)| !is_allowed(*c)).map(|(at, _)| at)
}

fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
