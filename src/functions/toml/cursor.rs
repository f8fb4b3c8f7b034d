//! Where a reader stands in a TOML text, character by character, and what it says where it cannot go on. Lines are counted as
//! BurntSushi's lexer counts them: what ends too early is told of the line before.

use crate::go::runes;

/// What is wrong, and in which line.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) line: i64,
    pub(super) message: String,
}

pub(super) type Read<T> = Result<T, Wrong>;

pub(super) struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
    /// Where the piece begins that is being read.
    start: usize,
    pub(super) line: i64,
    ended: bool,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, start: 0, line: 1, ended: false }
    }

    /// The next character; `None` at the end.
    pub(super) fn next(&mut self) -> Read<Option<char>> {
        let Some(byte) = self.text.get(self.at) else {
            self.ended = true;
            return Ok(None);
        };
        if *byte == b'\n' {
            self.line += 1;
        }
        let (c, length) = runes::first(&self.text[self.at..]);
        if c == char::REPLACEMENT_CHARACTER && length == 1 {
            return Err(self.wrong(format!("invalid UTF-8 byte: 0x{byte:02x}")));
        }
        let lone_return = c == '\r' && self.text.get(self.at + 1) != Some(&b'\n');
        if lone_return || c.is_ascii_control() && !matches!(c, '\t' | '\r' | '\n') {
            let message = format!("TOML files cannot contain control characters: '0x{:02x}'", u32::from(c));
            return Err(Wrong { line: self.line, message });
        }
        self.at += length;
        Ok(Some(c))
    }

    /// Back by one character.
    pub(super) fn back(&mut self) {
        if std::mem::take(&mut self.ended) {
            return;
        }
        while self.at > self.start {
            self.at -= 1;
            if self.text[self.at] & 0xc0 != 0x80 {
                break;
            }
        }
        if self.text.get(self.at) == Some(&b'\n') {
            self.line -= 1;
        }
    }

    pub(super) fn accept(&mut self, wanted: char) -> Read<bool> {
        if self.next()? == Some(wanted) {
            return Ok(true);
        }
        self.back();
        Ok(false)
    }

    pub(super) fn peek(&mut self) -> Read<Option<char>> {
        let c = self.next()?;
        self.back();
        Ok(c)
    }

    /// Goes on while the characters are of a kind.
    pub(super) fn while_is(&mut self, kind: impl Fn(char) -> bool) -> Read<()> {
        while self.next()?.is_some_and(&kind) {}
        self.back();
        Ok(())
    }

    pub(super) fn skip_space(&mut self) -> Read<()> {
        self.while_is(is_space)?;
        self.begin();
        Ok(())
    }

    /// A piece begins here.
    pub(super) fn begin(&mut self) {
        self.start = self.at;
    }

    /// The piece so far.
    pub(super) fn piece(&self) -> &'t str {
        std::str::from_utf8(&self.text[self.start..self.at]).unwrap_or_default()
    }

    pub(super) fn wrong(&self, message: impl Into<String>) -> Wrong {
        Wrong { line: self.line - i64::from(self.ended), message: message.into() }
    }

    /// The same, of the line before: behind a line's end.
    pub(super) fn wrong_before(&self, message: &str) -> Wrong {
        Wrong { line: self.line - 1, message: message.to_owned() }
    }
}

pub(super) fn is_space(c: char) -> bool {
    c == ' ' || c == '\t'
}

pub(super) fn is_line_end(c: Option<char>) -> bool {
    matches!(c, Some('\n' | '\r'))
}
