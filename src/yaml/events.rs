//! Turns tokens into events as go-yaml v2's parser does: where documents, lists, maps and scalars begin and end. `build` makes
//! nodes of them.

use super::Error;
use super::scan::{Finder, Kind, Mark, Scanner, Style, SyntaxError};
use crate::diagnostic::Position;

/// What begins or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EventData {
    StreamStart,
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias { anchor: String },
    Scalar { anchor: Option<String>, tag: Option<String>, value: String, plain_implicit: bool },
    SequenceStart { anchor: Option<String> },
    SequenceEnd,
    MappingStart { anchor: Option<String> },
    MappingEnd,
}

/// An event with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) data: EventData,
    pub(super) start_mark: Mark,
    pub(super) end_mark: Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    StreamStart,
    ImplicitDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceFirst,
    BlockSequence,
    IndentlessSequence,
    BlockMappingFirst,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirst,
    FlowSequence,
    FlowPairKey,
    FlowPairValue,
    FlowPairEnd,
    FlowMappingFirst,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
    End,
}

type Parse<T> = Result<T, SyntaxError>;

/// The events of a text.
pub(super) struct Events<'t> {
    text: &'t str,
    scanner: Scanner<'t>,
    state: State,
    states: Vec<State>,
    /// Where the open collections began.
    marks: Vec<Mark>,
    /// Handles of tags and what they stand for.
    tags: Vec<(String, String)>,
}

impl<'t> Events<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            scanner: Scanner::new(text),
            state: State::StreamStart,
            states: Vec::new(),
            marks: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// The next event; after the end, the end again.
    pub(super) fn next(&mut self) -> Result<Event, Error> {
        self.step().map_err(|error| Error::syntax(&error, end_of(self.text)))
    }

    fn step(&mut self) -> Parse<Event> {
        match self.state {
            State::StreamStart => {
                self.state = State::ImplicitDocumentStart;
                let (start, end) = self.places()?;
                self.scanner.skip();
                Ok(event(EventData::StreamStart, start, end))
            }
            State::ImplicitDocumentStart => self.document_start(true),
            State::DocumentStart => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(true, false),
            State::BlockSequenceFirst => {
                self.open()?;
                self.block_sequence()
            }
            State::BlockSequence => self.block_sequence(),
            State::IndentlessSequence => self.indentless_sequence(),
            State::BlockMappingFirst => {
                self.open()?;
                self.block_mapping_key()
            }
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirst => {
                self.open()?;
                self.flow_sequence(true)
            }
            State::FlowSequence => self.flow_sequence(false),
            State::FlowPairKey => self.flow_pair_key(),
            State::FlowPairValue => self.flow_pair_value(),
            State::FlowPairEnd => {
                let (start, _) = self.places()?;
                self.state = State::FlowSequence;
                Ok(event(EventData::MappingEnd, start, start))
            }
            State::FlowMappingFirst => {
                self.open()?;
                self.flow_mapping_key(true)
            }
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingEmptyValue => {
                let (start, _) = self.places()?;
                self.state = State::FlowMappingKey;
                Ok(empty(start))
            }
            State::End => Ok(event(EventData::StreamEnd, Mark::default(), Mark::default())),
        }
    }

    fn kind(&mut self) -> Parse<&Kind> {
        Ok(&self.scanner.peek()?.kind)
    }

    /// Where the next token begins and ends.
    fn places(&mut self) -> Parse<(Mark, Mark)> {
        self.scanner.peek().map(|token| (token.start, token.end))
    }

    /// The beginning of a collection: its place is kept for errors.
    fn open(&mut self) -> Parse<()> {
        let (start, _) = self.places()?;
        self.marks.push(start);
        self.scanner.skip();
        Ok(())
    }

    /// The end of a collection.
    fn close(&mut self, data: EventData) -> Parse<Event> {
        let (start, end) = self.places()?;
        self.pop();
        self.marks.pop();
        self.scanner.skip();
        Ok(event(data, start, end))
    }

    fn pop(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    fn error<T>(&mut self, problem: &str) -> Parse<T> {
        let context = self.marks.pop().unwrap_or_default();
        self.error_in(context, problem)
    }

    fn error_in<T>(&mut self, context: Mark, problem: &str) -> Parse<T> {
        let (at, _) = self.places()?;
        Err(SyntaxError { finder: Finder::Parser, problem: problem.to_owned(), at, context })
    }

    fn document_start(&mut self, implicit: bool) -> Parse<Event> {
        if !implicit {
            while *self.kind()? == Kind::DocumentEnd {
                self.scanner.skip();
            }
        }
        let (start, end) = self.places()?;
        match self.kind()? {
            Kind::StreamEnd => {
                self.state = State::End;
                self.scanner.skip();
                Ok(event(EventData::StreamEnd, start, end))
            }
            Kind::VersionDirective { .. } | Kind::TagDirective { .. } | Kind::DocumentStart => self.explicit(start),
            _ if implicit => {
                self.directives()?;
                self.states.push(State::DocumentEnd);
                self.state = State::BlockNode;
                Ok(event(EventData::DocumentStart, start, end))
            }
            _ => self.explicit(start),
        }
    }

    fn explicit(&mut self, start: Mark) -> Parse<Event> {
        self.directives()?;
        let (_, end) = self.places()?;
        if *self.kind()? != Kind::DocumentStart {
            return self.error_in(Mark::default(), "did not find expected <document start>");
        }
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        self.scanner.skip();
        Ok(event(EventData::DocumentStart, start, end))
    }

    fn directives(&mut self) -> Parse<()> {
        let mut has_version = false;
        loop {
            let problem = match self.kind()?.clone() {
                Kind::VersionDirective { .. } if has_version => "found duplicate %YAML directive",
                Kind::VersionDirective { major: 1, minor: 1 } => {
                    has_version = true;
                    ""
                }
                Kind::VersionDirective { .. } => "found incompatible YAML document",
                Kind::TagDirective { handle, .. } if self.tags.iter().any(|(known, _)| *known == handle) => {
                    "found duplicate %TAG directive"
                }
                Kind::TagDirective { handle, prefix } => {
                    self.tags.push((handle, prefix));
                    ""
                }
                _ => break,
            };
            if !problem.is_empty() {
                return self.error_in(Mark::default(), problem);
            }
            self.scanner.skip();
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.tags.iter().any(|(known, _)| known == handle) {
                self.tags.push((handle.to_owned(), prefix.to_owned()));
            }
        }
        Ok(())
    }

    fn document_content(&mut self) -> Parse<Event> {
        let (start, _) = self.places()?;
        match self.kind()? {
            Kind::VersionDirective { .. }
            | Kind::TagDirective { .. }
            | Kind::DocumentStart
            | Kind::DocumentEnd
            | Kind::StreamEnd => {
                self.pop();
                Ok(empty(start))
            }
            _ => self.node(true, false),
        }
    }

    fn document_end(&mut self) -> Parse<Event> {
        let (start, mut end) = self.places()?;
        if *self.kind()? == Kind::DocumentEnd {
            self.scanner.skip();
        } else {
            end = start;
        }
        self.tags.clear();
        self.state = State::DocumentStart;
        Ok(event(EventData::DocumentEnd, start, end))
    }

    /// An anchor, a tag, or both, in any order, and what they stand before.
    fn node(&mut self, block: bool, indentless: bool) -> Parse<Event> {
        let (start, mut end) = self.places()?;
        if let Kind::Alias(anchor) = &mut self.scanner.peek()?.kind {
            let anchor = std::mem::take(anchor);
            self.pop();
            self.scanner.skip();
            return Ok(event(EventData::Alias { anchor }, start, end));
        }
        let (mut anchor, mut tag) = (None, None);
        let mut properties_end = start;
        loop {
            let token = self.scanner.peek()?;
            match &mut token.kind {
                Kind::Anchor(name) if anchor.is_none() => anchor = Some(std::mem::take(name)),
                Kind::Tag { handle, suffix } if tag.is_none() => {
                    tag = Some((std::mem::take(handle), std::mem::take(suffix), token.start));
                }
                _ => break,
            }
            properties_end = token.end;
            self.scanner.skip();
        }
        let tag = match tag {
            Some((handle, suffix, at)) => Some(self.resolved(&handle, &suffix, start, at)?),
            None => None,
        };
        let tag = tag.filter(|tag| !tag.is_empty());
        let token = self.scanner.peek()?;
        end = token.end;
        let (state, data) = match &mut token.kind {
            Kind::BlockEntry if indentless => (State::IndentlessSequence, EventData::SequenceStart { anchor }),
            Kind::Scalar { value, style } => {
                let plain_implicit = match &tag {
                    None => *style == Style::Plain,
                    Some(tag) => tag == "!",
                };
                let value = std::mem::take(value);
                self.pop();
                self.scanner.skip();
                return Ok(event(EventData::Scalar { anchor, tag, value, plain_implicit }, start, end));
            }
            Kind::FlowSequenceStart => (State::FlowSequenceFirst, EventData::SequenceStart { anchor }),
            Kind::FlowMappingStart => (State::FlowMappingFirst, EventData::MappingStart { anchor }),
            Kind::BlockSequenceStart if block => (State::BlockSequenceFirst, EventData::SequenceStart { anchor }),
            Kind::BlockMappingStart if block => (State::BlockMappingFirst, EventData::MappingStart { anchor }),
            _ if anchor.is_some() || tag.is_some() => {
                self.pop();
                let plain_implicit = tag.is_none();
                let data = EventData::Scalar { anchor, tag, value: String::new(), plain_implicit };
                return Ok(event(data, start, properties_end));
            }
            _ => return self.error_in(start, "did not find expected node content"),
        };
        self.state = state;
        Ok(event(data, start, end))
    }

    fn resolved(&mut self, handle: &str, suffix: &str, context: Mark, at: Mark) -> Parse<String> {
        if handle.is_empty() {
            return Ok(suffix.to_owned());
        }
        match self.tags.iter().find(|(known, _)| known == handle) {
            Some((_, prefix)) if !(prefix.is_empty() && suffix.is_empty()) => Ok(format!("{prefix}{suffix}")),
            _ => Err(SyntaxError {
                finder: Finder::Parser,
                problem: "found undefined tag handle".to_owned(),
                at,
                context,
            }),
        }
    }

    fn block_sequence(&mut self) -> Parse<Event> {
        match self.kind()? {
            Kind::BlockEntry => {
                let (_, end) = self.places()?;
                self.scanner.skip();
                if matches!(self.kind()?, Kind::BlockEntry | Kind::BlockEnd) {
                    self.state = State::BlockSequence;
                    return Ok(empty(end));
                }
                self.states.push(State::BlockSequence);
                self.node(true, false)
            }
            Kind::BlockEnd => self.close(EventData::SequenceEnd),
            _ => self.error("did not find expected '-' indicator"),
        }
    }

    fn indentless_sequence(&mut self) -> Parse<Event> {
        let (start, end) = self.places()?;
        if *self.kind()? != Kind::BlockEntry {
            self.pop();
            return Ok(event(EventData::SequenceEnd, start, start));
        }
        self.scanner.skip();
        if matches!(self.kind()?, Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd) {
            self.state = State::IndentlessSequence;
            return Ok(empty(end));
        }
        self.states.push(State::IndentlessSequence);
        self.node(true, false)
    }

    fn block_mapping_key(&mut self) -> Parse<Event> {
        match self.kind()? {
            Kind::Key => self.block_mapping_part(State::BlockMappingValue),
            Kind::BlockEnd => self.close(EventData::MappingEnd),
            _ => self.error("did not find expected key"),
        }
    }

    fn block_mapping_value(&mut self) -> Parse<Event> {
        if *self.kind()? == Kind::Value {
            return self.block_mapping_part(State::BlockMappingKey);
        }
        let (start, _) = self.places()?;
        self.state = State::BlockMappingKey;
        Ok(empty(start))
    }

    /// What stands behind `?` or `:`, and what comes after it.
    fn block_mapping_part(&mut self, then: State) -> Parse<Event> {
        let (_, end) = self.places()?;
        self.scanner.skip();
        if matches!(self.kind()?, Kind::Key | Kind::Value | Kind::BlockEnd) {
            self.state = then;
            return Ok(empty(end));
        }
        self.states.push(then);
        self.node(true, true)
    }

    fn flow_sequence(&mut self, first: bool) -> Parse<Event> {
        if *self.kind()? != Kind::FlowSequenceEnd {
            if !first {
                if *self.kind()? != Kind::FlowEntry {
                    return self.error("did not find expected ',' or ']'");
                }
                self.scanner.skip();
            }
            match self.kind()? {
                Kind::Key => {
                    let (start, end) = self.places()?;
                    self.state = State::FlowPairKey;
                    self.scanner.skip();
                    return Ok(event(EventData::MappingStart { anchor: None }, start, end));
                }
                Kind::FlowSequenceEnd => {}
                _ => {
                    self.states.push(State::FlowSequence);
                    return self.node(false, false);
                }
            }
        }
        self.close(EventData::SequenceEnd)
    }

    /// The key of a pair within brackets.
    fn flow_pair_key(&mut self) -> Parse<Event> {
        if !matches!(self.kind()?, Kind::Value | Kind::FlowEntry | Kind::FlowSequenceEnd) {
            self.states.push(State::FlowPairValue);
            return self.node(false, false);
        }
        let (_, end) = self.places()?;
        // go-yaml takes this token, whatever it is.
        self.scanner.skip();
        self.state = State::FlowPairValue;
        Ok(empty(end))
    }

    fn flow_pair_value(&mut self) -> Parse<Event> {
        let (start, _) = self.places()?;
        if *self.kind()? == Kind::Value {
            self.scanner.skip();
            if !matches!(self.kind()?, Kind::FlowEntry | Kind::FlowSequenceEnd) {
                self.states.push(State::FlowPairEnd);
                return self.node(false, false);
            }
        }
        self.state = State::FlowPairEnd;
        Ok(empty(start))
    }

    fn flow_mapping_key(&mut self, first: bool) -> Parse<Event> {
        if *self.kind()? != Kind::FlowMappingEnd {
            if !first {
                if *self.kind()? != Kind::FlowEntry {
                    return self.error("did not find expected ',' or '}'");
                }
                self.scanner.skip();
            }
            match self.kind()? {
                Kind::Key => {
                    self.scanner.skip();
                    if !matches!(self.kind()?, Kind::Value | Kind::FlowEntry | Kind::FlowMappingEnd) {
                        self.states.push(State::FlowMappingValue);
                        return self.node(false, false);
                    }
                    let (start, _) = self.places()?;
                    self.state = State::FlowMappingValue;
                    return Ok(empty(start));
                }
                Kind::FlowMappingEnd => {}
                _ => {
                    self.states.push(State::FlowMappingEmptyValue);
                    return self.node(false, false);
                }
            }
        }
        self.close(EventData::MappingEnd)
    }

    fn flow_mapping_value(&mut self) -> Parse<Event> {
        if *self.kind()? == Kind::Value {
            self.scanner.skip();
            if !matches!(self.kind()?, Kind::FlowEntry | Kind::FlowMappingEnd) {
                self.states.push(State::FlowMappingKey);
                return self.node(false, false);
            }
        }
        let (start, _) = self.places()?;
        self.state = State::FlowMappingKey;
        Ok(empty(start))
    }
}

fn event(data: EventData, start_mark: Mark, end_mark: Mark) -> Event {
    Event { data, start_mark, end_mark }
}

/// Nothing, where something could stand.
fn empty(at: Mark) -> Event {
    let data = EventData::Scalar { anchor: None, tag: None, value: String::new(), plain_implicit: true };
    event(data, at, at)
}

/// The end of a text whose last line has no line break; an error is not shown behind it.
fn end_of(text: &str) -> Option<Position> {
    let is_break = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    if text.is_empty() || text.ends_with(is_break) {
        return None;
    }
    let breaks = text.chars().filter(|c| is_break(*c)).count() - text.matches("\r\n").count();
    let last = text.rsplit(is_break).next().unwrap_or_default();
    let number = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
    Some(Position::new(number(breaks), number(last.chars().count())))
}
