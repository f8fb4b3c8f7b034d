//! Which token comes next: indicators, indentation, and keys that are known as such only when their colon is met.

use super::{KEY_LENGTH, Kind, MAX_LEVELS, Mark, Scan, Scanner, SimpleKey, Token};

impl Scanner<'_> {
    /// Reads on until it is sure that no key has to be put before the first token.
    pub(super) fn fetch_more(&mut self) -> Scan<()> {
        loop {
            if !self.tokens.is_empty() {
                let Some(level) = self.keys_by_token.get(&self.parsed).copied() else { break };
                if level >= self.simple_keys.len() || !self.is_valid(level)? {
                    break;
                }
            }
            self.fetch_next()?;
        }
        self.available = true;
        Ok(())
    }

    fn fetch_next(&mut self) -> Scan<()> {
        self.cursor.want(1)?;
        if !self.started {
            self.started = true;
            let mark = self.cursor.mark;
            self.push(Kind::StreamStart, mark, mark);
            return Ok(());
        }
        self.skip_to_token()?;
        self.unroll_indent(column(self.cursor.mark));
        self.cursor.want(4)?;
        let (byte, flow) = (self.cursor.byte(0), self.flow_level > 0);
        let before_blank = self.cursor.is_blank_or_end(1);
        if byte == 0 {
            return self.stream_end();
        }
        if self.cursor.mark.column == 0 && byte == b'%' {
            return self.fetch_directive();
        }
        if self.cursor.is_document_indicator() {
            return self.document_indicator(if byte == b'-' { Kind::DocumentStart } else { Kind::DocumentEnd });
        }
        match byte {
            b'[' => self.flow_start(Kind::FlowSequenceStart),
            b'{' => self.flow_start(Kind::FlowMappingStart),
            b']' => self.flow_end(Kind::FlowSequenceEnd),
            b'}' => self.flow_end(Kind::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.indicator(Kind::FlowEntry);
                Ok(())
            }
            b'-' if before_blank => self.block_entry(),
            b'?' if flow || before_blank => self.key(),
            b':' if flow || before_blank => self.value(),
            b'*' | b'&' => self.fetch_anchor(byte == b'&'),
            b'!' => self.fetch_tag(),
            b'|' | b'>' if !flow => self.fetch_block_scalar(byte == b'|'),
            b'\'' | b'"' => self.fetch_flow_scalar(byte == b'\''),
            b' ' | b'\t' | b'\r' | b'\n' | b'#' | b'|' | b'>' | b'%' | b'@' | b'`' => self.no_token(),
            _ if self.cursor.is_break(0) => self.no_token(),
            _ => self.fetch_plain_scalar(),
        }
    }

    fn no_token(&self) -> Scan<()> {
        self.error(self.cursor.mark, "found character that cannot start any token")
    }

    fn push(&mut self, kind: Kind, start: Mark, end: Mark) {
        self.tokens.push_back(Token { kind, start, end });
    }

    pub(super) fn push_from(&mut self, kind: Kind, start: Mark) {
        self.push(kind, start, self.cursor.mark);
    }

    /// A token of one character.
    fn indicator(&mut self, kind: Kind) {
        let start = self.cursor.mark;
        self.cursor.skip();
        self.push_from(kind, start);
    }

    fn skip_to_token(&mut self) -> Scan<()> {
        loop {
            self.cursor.want(1)?;
            if self.cursor.mark.column == 0 && self.cursor.buffer_begins_with_mark() {
                self.cursor.skip();
            }
            self.cursor.want(1)?;
            // Tabs may stand where no key can begin.
            while self.cursor.byte(0) == b' '
                || ((self.flow_level > 0 || !self.simple_key_allowed) && self.cursor.byte(0) == b'\t')
            {
                self.cursor.skip();
                self.cursor.want(1)?;
            }
            self.cursor.skip_comment()?;
            if !self.cursor.is_break(0) {
                return Ok(());
            }
            self.cursor.want(2)?;
            self.cursor.skip_break();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    /// Whether the possible key of a level may still become one.
    fn is_valid(&mut self, level: usize) -> Scan<bool> {
        let key = self.simple_keys[level];
        if !key.possible {
            return Ok(false);
        }
        let now = self.cursor.mark;
        if key.mark.line < now.line || key.mark.index + KEY_LENGTH < now.index {
            if key.required {
                return self.error(key.mark, "could not find expected ':'");
            }
            self.simple_keys[level].possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    /// A key may begin here.
    pub(super) fn save_simple_key(&mut self) -> Scan<()> {
        if self.simple_key_allowed {
            let mark = self.cursor.mark;
            let required = self.flow_level == 0 && self.indent == column(mark);
            let token = self.parsed + self.tokens.len();
            self.remove_simple_key()?;
            if let Some(last) = self.simple_keys.last_mut() {
                *last = SimpleKey { possible: true, required, token, mark };
            }
            self.keys_by_token.insert(token, self.simple_keys.len().saturating_sub(1));
        }
        Ok(())
    }

    /// No key began on this level.
    pub(super) fn remove_simple_key(&mut self) -> Scan<()> {
        let Some(last) = self.simple_keys.last_mut() else { return Ok(()) };
        if last.possible {
            let SimpleKey { required, mark, token, .. } = *last;
            if required {
                return self.error(mark, "could not find expected ':'");
            }
            last.possible = false;
            self.keys_by_token.remove(&token);
        }
        Ok(())
    }

    /// Opens a block collection when the column is deeper than the open one: before the token of that number, or at the end.
    fn roll_indent(&mut self, to: i64, number: Option<usize>, kind: Kind, mark: Mark) -> Scan<()> {
        if self.flow_level > 0 || self.indent >= to {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = to;
        if self.indents.len() > MAX_LEVELS {
            let context = self.simple_keys.last().map_or(mark, |key| key.mark);
            return self.error(context, format!("exceeded max depth of {MAX_LEVELS}"));
        }
        let token = Token { kind, start: mark, end: mark };
        match number {
            Some(number) => self.insert(number, token),
            None => self.tokens.push_back(token),
        }
        Ok(())
    }

    fn insert(&mut self, number: usize, token: Token) {
        let at = number.saturating_sub(self.parsed).min(self.tokens.len());
        self.tokens.insert(at, token);
    }

    /// Closes the block collections that are deeper than the column.
    fn unroll_indent(&mut self, to: i64) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > to {
            let mark = self.cursor.mark;
            self.push(Kind::BlockEnd, mark, mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn stream_end(&mut self) -> Scan<()> {
        if self.cursor.mark.column != 0 {
            self.cursor.mark.column = 0;
            self.cursor.mark.line += 1;
        }
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push_from(Kind::StreamEnd, self.cursor.mark);
        Ok(())
    }

    fn fetch_directive(&mut self) -> Scan<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.directive()
    }

    fn document_indicator(&mut self, kind: Kind) -> Scan<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark;
        self.cursor.skip_many(3);
        self.push_from(kind, start);
        Ok(())
    }

    fn flow_start(&mut self, kind: Kind) -> Scan<()> {
        self.save_simple_key()?;
        let (token, mark) = (self.parsed + self.tokens.len(), self.cursor.mark);
        self.simple_keys.push(SimpleKey { token, mark, ..SimpleKey::default() });
        self.flow_level += 1;
        if self.flow_level > MAX_LEVELS {
            return self.error(mark, format!("exceeded max depth of {MAX_LEVELS}"));
        }
        self.simple_key_allowed = true;
        self.indicator(kind);
        Ok(())
    }

    fn flow_end(&mut self, kind: Kind) -> Scan<()> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            if let Some(last) = self.simple_keys.pop() {
                self.keys_by_token.remove(&last.token);
            }
        }
        self.simple_key_allowed = false;
        self.indicator(kind);
        Ok(())
    }

    fn block_entry(&mut self) -> Scan<()> {
        let mark = self.cursor.mark;
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.error(mark, "block sequence entries are not allowed in this context");
            }
            self.roll_indent(column(mark), None, Kind::BlockSequenceStart, mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.indicator(Kind::BlockEntry);
        Ok(())
    }

    fn key(&mut self) -> Scan<()> {
        let mark = self.cursor.mark;
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.error(mark, "mapping keys are not allowed in this context");
            }
            self.roll_indent(column(mark), None, Kind::BlockMappingStart, mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.indicator(Kind::Key);
        Ok(())
    }

    fn value(&mut self) -> Scan<()> {
        let level = self.simple_keys.len().saturating_sub(1);
        if self.is_valid(level)? {
            let key = self.simple_keys[level];
            self.insert(key.token, Token { kind: Kind::Key, start: key.mark, end: key.mark });
            self.roll_indent(column(key.mark), Some(key.token), Kind::BlockMappingStart, key.mark)?;
            self.simple_keys[level].possible = false;
            self.keys_by_token.remove(&key.token);
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                let mark = self.cursor.mark;
                if !self.simple_key_allowed {
                    return self.error(mark, "mapping values are not allowed in this context");
                }
                self.roll_indent(column(mark), None, Kind::BlockMappingStart, mark)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.indicator(Kind::Value);
        Ok(())
    }

    fn fetch_anchor(&mut self, is_anchor: bool) -> Scan<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        self.anchor(is_anchor)
    }

    fn fetch_tag(&mut self) -> Scan<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        self.tag()
    }

    fn fetch_block_scalar(&mut self, literal: bool) -> Scan<()> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.block_scalar(literal)
    }

    fn fetch_flow_scalar(&mut self, single: bool) -> Scan<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        self.flow_scalar(single)
    }

    fn fetch_plain_scalar(&mut self) -> Scan<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        self.plain_scalar()
    }
}

pub(super) fn column(mark: Mark) -> i64 {
    i64::try_from(mark.column).unwrap_or(i64::MAX)
}
