//! Turns YAML text into tokens as go-yaml v2 does, with its marks and its errors. `events` asks for one token after the other.
//! Where go-yaml looks ahead only so far, or notices something late, so does this: which error a text has, and in which line,
//! depends on it.

mod cursor;
mod fetch;
mod scalar;
mod tag;

use std::collections::{HashMap, VecDeque};

use cursor::Cursor;

/// A place in the text: characters and lines from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Characters before it.
    pub(super) index: usize,
    /// The line.
    pub(super) line: usize,
    /// The column.
    pub(super) column: usize,
}

/// Who found an error: Go counts lines differently for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finder {
    /// A character that YAML does not allow.
    Reader,
    /// The scanner.
    Scanner,
    /// The parser.
    Parser,
}

/// The text is no YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) finder: Finder,
    /// go-yaml's words.
    pub(super) problem: String,
    /// Where it was noticed.
    pub(super) at: Mark,
    /// Where what was being read began.
    pub(super) context: Mark,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes.
    Plain,
    /// In quotes, or as a block.
    Other,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    StreamStart,
    StreamEnd,
    VersionDirective { major: u8, minor: u8 },
    TagDirective { handle: String, prefix: String },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag { handle: String, suffix: String },
    Scalar { value: String, style: Style },
}

/// A token with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: Mark,
    pub(super) end: Mark,
}

/// A place where a key without `?` may have begun.
#[derive(Debug, Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token: usize,
    mark: Mark,
}

/// Levels of braces and brackets, and of indentation, that go-yaml reads.
const MAX_LEVELS: usize = 10_000;

/// Characters within which a key without `?` has to end.
const KEY_LENGTH: usize = 1_024;

type Scan<T> = Result<T, SyntaxError>;

/// Reads tokens.
pub(super) struct Scanner<'t> {
    cursor: Cursor<'t>,
    started: bool,
    /// Tokens that were read ahead.
    tokens: VecDeque<Token>,
    /// How many tokens were handed out.
    parsed: usize,
    available: bool,
    /// The column of the open block collection; -1 outside of all.
    indent: i64,
    indents: Vec<i64>,
    flow_level: usize,
    simple_key_allowed: bool,
    /// The possible key of each level of braces and brackets.
    simple_keys: Vec<SimpleKey>,
    /// Which level a token may be the key of.
    keys_by_token: HashMap<usize, usize>,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            cursor: Cursor::new(text),
            started: false,
            tokens: VecDeque::new(),
            parsed: 0,
            available: false,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
            keys_by_token: HashMap::new(),
        }
    }

    /// The next token, which stays the next one.
    pub(super) fn peek(&mut self) -> Scan<&mut Token> {
        if !self.available {
            self.fetch_more()?;
        }
        let mark = self.cursor.mark;
        // `fetch_more` has left one.
        self.tokens.front_mut().ok_or_else(|| SyntaxError {
            finder: Finder::Scanner,
            problem: "unexpected end".to_owned(),
            at: mark,
            context: mark,
        })
    }

    /// Takes the token that was looked at.
    pub(super) fn skip(&mut self) -> Option<Token> {
        self.available = false;
        self.parsed += 1;
        self.tokens.pop_front()
    }

    fn error<T>(&self, context: Mark, problem: impl Into<String>) -> Scan<T> {
        Err(SyntaxError { finder: Finder::Scanner, problem: problem.into(), at: self.cursor.mark, context })
    }
}
