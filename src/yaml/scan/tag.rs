//! Directives, anchors, aliases and tags.

use super::{Kind, Mark, Scan, Scanner};

impl Scanner<'_> {
    pub(super) fn directive(&mut self) -> Scan<()> {
        let start = self.cursor.mark;
        self.cursor.skip();
        self.cursor.want(1)?;
        let name = self.word()?;
        if name.is_empty() {
            return self.error(start, "could not find expected directive name");
        }
        if !self.cursor.is_blank_or_end(0) {
            return self.error(start, "found unexpected non-alphabetical character");
        }
        let kind = match &*name {
            "YAML" => self.version(start)?,
            "TAG" => self.tag_directive(start)?,
            _ => return self.error(start, "found unknown directive name"),
        };
        let end = self.cursor.mark;
        self.end_of_line(start)?;
        self.tokens.push_back(super::Token { kind, start, end });
        Ok(())
    }

    /// Nothing but blanks and a comment may follow on the line of a directive or of a block scalar's header.
    pub(super) fn end_of_line(&mut self, start: Mark) -> Scan<()> {
        self.cursor.want(1)?;
        self.cursor.skip_blanks()?;
        self.cursor.skip_comment()?;
        if !self.cursor.is_break_or_end(0) {
            return self.error(start, "did not find expected comment or line break");
        }
        if self.cursor.is_break(0) {
            self.cursor.want(2)?;
            self.cursor.skip_break();
        }
        Ok(())
    }

    /// Letters, digits, `_` and `-`.
    fn word(&mut self) -> Scan<String> {
        let mut word = String::new();
        while self.cursor.is_word() {
            self.cursor.read(&mut word);
            self.cursor.want(1)?;
        }
        Ok(word)
    }

    fn version(&mut self, start: Mark) -> Scan<Kind> {
        self.cursor.want(1)?;
        self.cursor.skip_blanks()?;
        let major = self.version_number(start)?;
        if self.cursor.byte(0) != b'.' {
            return self.error(start, "did not find expected digit or '.' character");
        }
        self.cursor.skip();
        let minor = self.version_number(start)?;
        Ok(Kind::VersionDirective { major, minor })
    }

    fn version_number(&mut self, start: Mark) -> Scan<u8> {
        self.cursor.want(1)?;
        let (mut value, mut length) = (0u8, 0);
        while self.cursor.byte(0).is_ascii_digit() {
            length += 1;
            if length > 2 {
                return self.error(start, "found extremely long version number");
            }
            value = value * 10 + (self.cursor.byte(0) - b'0');
            self.cursor.skip();
            self.cursor.want(1)?;
        }
        if length == 0 { self.error(start, "did not find expected version number") } else { Ok(value) }
    }

    fn tag_directive(&mut self, start: Mark) -> Scan<Kind> {
        self.cursor.want(1)?;
        self.cursor.skip_blanks()?;
        let handle = self.tag_handle(true, start)?;
        self.cursor.want(1)?;
        if !self.cursor.is_blank(0) {
            return self.error(start, "did not find expected whitespace");
        }
        self.cursor.skip_blanks()?;
        let prefix = self.tag_uri("", start)?;
        self.cursor.want(1)?;
        if !self.cursor.is_blank_or_end(0) {
            return self.error(start, "did not find expected whitespace or line break");
        }
        Ok(Kind::TagDirective { handle, prefix })
    }

    pub(super) fn anchor(&mut self, is_anchor: bool) -> Scan<()> {
        let start = self.cursor.mark;
        self.cursor.skip();
        self.cursor.want(1)?;
        let name = self.word()?;
        let ends = matches!(self.cursor.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !(ends || self.cursor.is_blank_or_end(0)) {
            return self.error(start, "did not find expected alphabetic or numeric character");
        }
        self.push_from(if is_anchor { Kind::Anchor(name) } else { Kind::Alias(name) }, start);
        Ok(())
    }

    pub(super) fn tag(&mut self) -> Scan<()> {
        let start = self.cursor.mark;
        self.cursor.want(2)?;
        let (handle, suffix) = if self.cursor.byte(1) == b'<' {
            self.cursor.skip_many(2);
            let suffix = self.tag_uri("", start)?;
            if self.cursor.byte(0) != b'>' {
                return self.error(start, "did not find the expected '>'");
            }
            self.cursor.skip();
            (String::new(), suffix)
        } else {
            let handle = self.tag_handle(false, start)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.tag_uri("", start)?;
                (handle, suffix)
            } else {
                // It was none: it belongs to the rest.
                let suffix = self.tag_uri(&handle, start)?;
                if suffix.is_empty() { (suffix, "!".to_owned()) } else { ("!".to_owned(), suffix) }
            }
        };
        self.cursor.want(1)?;
        if !self.cursor.is_blank_or_end(0) {
            return self.error(start, "did not find expected whitespace or line break");
        }
        self.push_from(Kind::Tag { handle, suffix }, start);
        Ok(())
    }

    fn tag_handle(&mut self, directive: bool, start: Mark) -> Scan<String> {
        self.cursor.want(1)?;
        if self.cursor.byte(0) != b'!' {
            return self.error(start, "did not find expected '!'");
        }
        let mut handle = String::new();
        self.cursor.read(&mut handle);
        self.cursor.want(1)?;
        handle.push_str(&self.word()?);
        if self.cursor.byte(0) == b'!' {
            self.cursor.read(&mut handle);
        } else if directive && handle != "!" {
            return self.error(start, "did not find expected '!'");
        }
        Ok(handle)
    }

    /// What follows a handle, with what was taken for one, without its `!`.
    fn tag_uri(&mut self, head: &str, start: Mark) -> Scan<String> {
        let mut uri: Vec<u8> = head.get(1..).unwrap_or_default().as_bytes().to_vec();
        let mut found = !head.is_empty();
        self.cursor.want(1)?;
        while self.cursor.is_word() || b";/?:@&=+$,.!~*'()[]%".contains(&self.cursor.byte(0)) {
            if self.cursor.byte(0) == b'%' {
                self.uri_escapes(start, &mut uri)?;
            } else {
                uri.push(self.cursor.byte(0));
                self.cursor.skip();
            }
            self.cursor.want(1)?;
            found = true;
        }
        if found {
            Ok(String::from_utf8_lossy(&uri).into_owned())
        } else {
            self.error(start, "did not find expected tag URI")
        }
    }

    /// The `%xx` of one character.
    fn uri_escapes(&mut self, start: Mark, to: &mut Vec<u8>) -> Scan<()> {
        let mut left = None;
        while left != Some(0) {
            self.cursor.want(3)?;
            let digit = |ahead| char::from(self.cursor.byte(ahead)).to_digit(16).and_then(|d| u8::try_from(d).ok());
            let (b'%', Some(high), Some(low)) = (self.cursor.byte(0), digit(1), digit(2)) else {
                return self.error(start, "did not find URI escaped octet");
            };
            let octet = high << 4 | low;
            left = match left {
                None => match octet {
                    0..=0x7F => Some(0),
                    0xC0..=0xDF => Some(1),
                    0xE0..=0xEF => Some(2),
                    0xF0..=0xF7 => Some(3),
                    _ => return self.error(start, "found an incorrect leading UTF-8 octet"),
                },
                Some(_) if octet & 0xC0 != 0x80 => {
                    return self.error(start, "found an incorrect trailing UTF-8 octet");
                }
                Some(left) => Some(left - 1),
            };
            to.push(octet);
            self.cursor.skip_many(3);
        }
        Ok(())
    }
}
