//! A template text becomes tokens, on demand: the parser asks for one at a time, so that an error further on in the text is
//! only met when the parser gets there, as in Go.

use crate::go::quote::quote;
use regex::Regex;
use std::sync::LazyLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Error,
    Bool,
    /// A character with no other role: a comma, a slash, …
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl TokenKind {
    fn keyword(word: &str) -> Option<Self> {
        Some(match word {
            "block" => Self::Block,
            "break" => Self::Break,
            "continue" => Self::Continue,
            "define" => Self::Define,
            "else" => Self::Else,
            "end" => Self::End,
            "if" => Self::If,
            "range" => Self::Range,
            "nil" => Self::Nil,
            "template" => Self::Template,
            "with" => Self::With,
            _ => return None,
        })
    }

    fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Block
                | Self::Break
                | Self::Continue
                | Self::Dot
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Nil
                | Self::Range
                | Self::Template
                | Self::With
        )
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind,
    /// Byte offset in the text.
    pub(super) pos: usize,
    /// Empty for an error: its message is the lexer's.
    pub(super) text: &'t str,
    /// Line of its start, from 1.
    pub(super) line: usize,
}

impl Token<'_> {
    /// How error messages name it.
    pub(super) fn describe(&self) -> String {
        match self.kind {
            TokenKind::Eof => "EOF".to_owned(),
            kind if kind.is_keyword() => format!("<{}>", self.text),
            _ if self.text.len() > 10 => {
                format!("{}...", quote(self.text.chars().take(10).collect::<String>().as_bytes()))
            }
            _ => quote(self.text.as_bytes()),
        }
    }
}

/// Which behaviour of the lexer depends on its surroundings.
#[derive(Debug, Clone, Copy)]
pub(super) struct LexOptions {
    /// `break` and `continue` are keywords (they are not when functions have these names).
    pub(super) break_keyword: bool,
    pub(super) continue_keyword: bool,
    /// Lines inside comments count (they did not before Go 1.24).
    pub(super) count_comment_lines: bool,
}

pub(super) struct Lexer<'t> {
    input: &'t str,
    pos: usize,
    start: usize,
    line: usize,
    start_line: usize,
    paren_depth: usize,
    inside_action: bool,
    options: LexOptions,
    message: String,
}

const LEFT: &str = "{{";
static LEFT_FINDER: LazyLock<memchr::memmem::Finder<'static>> = LazyLock::new(|| memchr::memmem::Finder::new(LEFT));
const RIGHT: &str = "}}";
const TRIM_LENGTH: usize = 2;

enum Step<'t> {
    Token(Token<'t>),
    Text,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(input: &'t str, options: LexOptions) -> Self {
        Self {
            input,
            pos: 0,
            start: 0,
            line: 1,
            start_line: 1,
            paren_depth: 0,
            inside_action: false,
            options,
            message: String::new(),
        }
    }

    pub(super) fn next_token(&mut self) -> Token<'t> {
        if self.inside_action {
            return self.inside_action();
        }
        loop {
            match self.text() {
                Step::Token(token) => return token,
                Step::Text => {}
            }
        }
    }

    /// What was wrong, when an error token was given.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    fn rest(&self) -> &'t str {
        &self.input[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        match self.input.as_bytes().get(self.pos)? {
            b @ 0..=0x7f => Some(char::from(*b)),
            _ => self.rest().chars().next(),
        }
    }

    /// The byte here; 0 at the end of the text.
    fn byte(&self) -> u8 {
        self.input.as_bytes().get(self.pos).copied().unwrap_or(0)
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn back(&mut self, c: Option<char>) {
        if let Some(c) = c {
            self.pos -= c.len_utf8();
            if c == '\n' {
                self.line -= 1;
            }
        }
    }

    fn emit(&mut self, kind: TokenKind) -> Token<'t> {
        let token = Token { kind, pos: self.start, text: &self.input[self.start..self.pos], line: self.start_line };
        self.start = self.pos;
        self.start_line = self.line;
        token
    }

    /// An error ends the input: whatever is asked for after it is the end of the text.
    fn error(&mut self, message: impl Into<String>) -> Token<'t> {
        let token = Token { kind: TokenKind::Error, pos: self.start, text: "", line: self.start_line };
        self.message = message.into();
        self.input = "";
        self.start = 0;
        self.pos = 0;
        token
    }

    /// Skips what was passed since the last token; its lines were not counted yet.
    fn ignore_counting(&mut self) {
        self.line += lines(&self.input.as_bytes()[self.start..self.pos]);
        self.start = self.pos;
        self.start_line = self.line;
    }

    fn text(&mut self) -> Step<'t> {
        let Some(x) = LEFT_FINDER.find(&self.input.as_bytes()[self.pos..]) else {
            self.pos = self.input.len();
            if self.pos > self.start {
                self.line += lines(&self.input.as_bytes()[self.start..self.pos]);
                return Step::Token(self.emit(TokenKind::Text));
            }
            return Step::Token(self.emit(TokenKind::Eof));
        };
        if x > 0 {
            self.pos += x;
            let before = &self.input[self.start..self.pos];
            let trim = if has_left_trim(&self.input[self.pos + LEFT.len()..]) {
                before.len() - before.trim_end_matches(is_space).len()
            } else {
                0
            };
            self.pos -= trim;
            self.line += lines(&self.input.as_bytes()[self.start..self.pos]);
            let token = self.emit(TokenKind::Text);
            self.pos += trim;
            self.ignore_counting();
            if !token.text.is_empty() {
                return Step::Token(token);
            }
        }
        self.left_delim()
    }

    fn left_delim(&mut self) -> Step<'t> {
        self.pos += LEFT.len();
        let marker = if has_left_trim(self.rest()) { TRIM_LENGTH } else { 0 };
        if self.input[self.pos + marker..].starts_with("/*") {
            self.pos += marker;
            self.ignore_counting();
            return self.comment();
        }
        let token = self.emit(TokenKind::LeftDelim);
        self.inside_action = true;
        self.pos += marker;
        self.ignore_counting();
        self.paren_depth = 0;
        Step::Token(token)
    }

    fn comment(&mut self) -> Step<'t> {
        self.pos += 2;
        let Some(x) = self.rest().find("*/") else { return Step::Token(self.error("unclosed comment")) };
        self.pos += x + 2;
        let Some(trim) = self.at_right_delim() else {
            return Step::Token(self.error("comment ends before closing delimiter"));
        };
        if self.options.count_comment_lines {
            self.line += lines(&self.input.as_bytes()[self.start..self.pos]);
        }
        self.start = self.pos;
        self.start_line = self.line;
        if trim {
            self.pos += TRIM_LENGTH;
        }
        self.pos += RIGHT.len();
        if trim {
            self.skip_spaces();
        }
        self.ignore_counting();
        Step::Text
    }

    fn skip_spaces(&mut self) {
        self.pos += self.rest().len() - self.rest().trim_start_matches(is_space).len();
    }

    /// Whether the action ends here, and if so, whether with a trim marker.
    fn at_right_delim(&self) -> Option<bool> {
        right_delim(&self.input.as_bytes()[self.pos..])
    }

    fn right_delim(&mut self) -> Token<'t> {
        let trim = self.at_right_delim() == Some(true);
        if trim {
            self.pos += TRIM_LENGTH;
            self.ignore_counting();
        }
        self.pos += RIGHT.len();
        let token = self.emit(TokenKind::RightDelim);
        if trim {
            self.skip_spaces();
            self.ignore_counting();
        }
        self.inside_action = false;
        token
    }

    fn inside_action(&mut self) -> Token<'t> {
        let first = self.byte();
        match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => return self.identifier(),
            b'}' | b' ' | b'\t' | b'\r' | b'\n' if self.at_right_delim().is_some() => {
                if self.paren_depth == 0 {
                    return self.right_delim();
                }
                return self.error("unclosed left paren");
            }
            b' ' | b'\t' | b'\r' | b'\n' => return self.space(),
            _ => {}
        }
        let Some(c) = self.next() else {
            return self.error("unclosed action");
        };
        match c {
            '=' => self.emit(TokenKind::Assign),
            ':' => {
                if self.next() == Some('=') {
                    self.emit(TokenKind::Declare)
                } else {
                    self.error("expected :=")
                }
            }
            '|' => self.emit(TokenKind::Pipe),
            '"' => self.quoted(b'"', TokenKind::String, "unterminated quoted string"),
            '`' => self.raw_string(),
            '$' => self.field_or_variable(TokenKind::Variable),
            '\'' => self.quoted(b'\'', TokenKind::CharConstant, "unterminated character constant"),
            '.' if !self.rest().is_empty() && !self.rest().as_bytes()[0].is_ascii_digit() => {
                self.field_or_variable(TokenKind::Field)
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.back(Some(c));
                self.number()
            }
            c if is_alphanumeric(c) => {
                self.back(Some(c));
                self.identifier()
            }
            '(' => {
                self.paren_depth += 1;
                self.emit(TokenKind::LeftParen)
            }
            ')' => {
                let Some(depth) = self.paren_depth.checked_sub(1) else { return self.error("unexpected right paren") };
                self.paren_depth = depth;
                self.emit(TokenKind::RightParen)
            }
            ' '..='~' => self.emit(TokenKind::Char),
            c => {
                let message = format!("unrecognized character in action: {}", unicode_name(Some(c)));
                self.error(message)
            }
        }
    }

    fn space(&mut self) -> Token<'t> {
        let first = self.pos;
        while matches!(self.byte(), b' ' | b'\t' | b'\r' | b'\n') {
            self.line += usize::from(self.byte() == b'\n');
            self.pos += 1;
        }
        // A trim marker takes the last space for itself.
        let last = self.pos - 1;
        if right_delim(&self.input.as_bytes()[last..]) == Some(true) {
            self.pos = last;
            self.line -= usize::from(self.byte() == b'\n');
            if last == first {
                return self.right_delim();
            }
        }
        self.emit(TokenKind::Space)
    }

    fn skip_word(&mut self) {
        loop {
            while matches!(self.byte(), b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z') {
                self.pos += 1;
            }
            if self.byte().is_ascii() || !self.peek().is_some_and(is_alphanumeric) {
                return;
            }
            self.next();
        }
    }

    fn identifier(&mut self) -> Token<'t> {
        self.skip_word();
        let word = &self.input[self.start..self.pos];
        if !self.at_terminator() {
            let message = format!("bad character {}", unicode_name(self.peek()));
            return self.error(message);
        }
        let kind = match TokenKind::keyword(word) {
            Some(TokenKind::Break) if !self.options.break_keyword => TokenKind::Identifier,
            Some(TokenKind::Continue) if !self.options.continue_keyword => TokenKind::Identifier,
            Some(kind) => kind,
            None if word == "true" || word == "false" => TokenKind::Bool,
            None => TokenKind::Identifier,
        };
        self.emit(kind)
    }

    fn field_or_variable(&mut self, kind: TokenKind) -> Token<'t> {
        if self.at_terminator() {
            return self.emit(if kind == TokenKind::Variable { kind } else { TokenKind::Dot });
        }
        self.skip_word();
        if !self.at_terminator() {
            let message = format!("bad character {}", unicode_name(self.peek()));
            return self.error(message);
        }
        self.emit(kind)
    }

    /// Whether an identifier may end here: catches `$x+2` without a space, which would be misread.
    fn at_terminator(&self) -> bool {
        match self.byte() {
            b'.' | b',' | b'|' | b':' | b')' | b'(' | b' ' | b'\t' | b'\r' | b'\n' => true,
            b'}' => self.rest().starts_with(RIGHT),
            0 => self.pos == self.input.len(),
            _ => false,
        }
    }

    fn quoted(&mut self, end: u8, kind: TokenKind, unterminated: &str) -> Token<'t> {
        loop {
            // A character's bytes are none of these when it is not ASCII, so a step of one byte leads to no wrong place.
            let step = match self.byte() {
                b'\n' => return self.error(unterminated),
                0 if self.pos == self.input.len() => return self.error(unterminated),
                b'\\' if matches!(self.input.as_bytes().get(self.pos + 1), None | Some(b'\n')) => {
                    return self.error(unterminated);
                }
                b'\\' => 2,
                b => {
                    self.pos += 1;
                    if b == end {
                        return self.emit(kind);
                    }
                    0
                }
            };
            self.pos += step;
        }
    }

    fn raw_string(&mut self) -> Token<'t> {
        let rest = &self.input.as_bytes()[self.pos..];
        let Some(end) = memchr::memchr(b'`', rest) else {
            self.line += lines(rest);
            self.pos = self.input.len();
            return self.error("unterminated raw quoted string");
        };
        self.line += lines(&rest[..end]);
        self.pos += end + 1;
        self.emit(TokenKind::RawString)
    }

    fn number(&mut self) -> Token<'t> {
        let bad = |lexer: &mut Self| {
            let message = format!("bad number syntax: {}", quote(&lexer.input.as_bytes()[lexer.start..lexer.pos]));
            lexer.error(message)
        };
        if !self.scan_number() {
            return bad(self);
        }
        if matches!(self.peek(), Some('+' | '-')) {
            // Complex: 1+2i. No spaces, must end in i.
            if !self.scan_number() || !self.input[..self.pos].ends_with('i') {
                return bad(self);
            }
            return self.emit(TokenKind::Complex);
        }
        self.emit(TokenKind::Number)
    }

    fn accept(&mut self, valid: &str) -> bool {
        let found = self.peek().is_some_and(|c| valid.contains(c));
        if found {
            self.next();
        }
        found
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    fn scan_number(&mut self) -> bool {
        const DECIMAL: &str = "0123456789_";
        const HEX: &str = "0123456789abcdefABCDEF_";
        self.accept("+-");
        let mut digits = DECIMAL;
        if self.accept("0") {
            if self.accept("xX") {
                digits = HEX;
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        let exponent = match digits {
            DECIMAL => "eE",
            HEX => "pP",
            _ => "",
        };
        if self.accept(exponent) {
            self.accept("+-");
            self.accept_run(DECIMAL);
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return false;
        }
        true
    }
}

fn lines(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(c: char) -> bool {
    if c.is_ascii() {
        return c == '_' || c.is_ascii_alphanumeric();
    }
    static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{L}\p{Nd}]$").ok());
    let mut buffer = [0; 4];
    WORD.as_ref().is_some_and(|word| word.is_match(c.encode_utf8(&mut buffer)))
}

fn has_left_trim(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-', b' ' | b'\t' | b'\r' | b'\n', ..])
}

/// Whether an action ends here, and if so, whether with a trim marker.
fn right_delim(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [b'}', b'}', ..] => Some(false),
        [b' ' | b'\t' | b'\r' | b'\n', b'-', b'}', b'}', ..] => Some(true),
        _ => None,
    }
}

/// Go's `%#U`; the end of the text prints as Go's -1 does.
fn unicode_name(c: Option<char>) -> String {
    match c {
        None => "U+FFFFFFFFFFFFFFFF".to_owned(),
        Some(c) if crate::go::quote::is_print(c) => format!("U+{:04X} '{c}'", u32::from(c)),
        Some(c) => format!("U+{:04X}", u32::from(c)),
    }
}
