//! Mail addresses as Go's `mail.ParseAddress` takes them: `a@b`, `Name <a@b>`, comments, quoted names, a group of one.

use super::ip::is_ip;

/// Whether a text is one address.
pub(crate) fn is_address(text: &str) -> bool {
    let mut reader = Reader { rest: text };
    reader.address(true) == Some(1) && reader.skip_comments().is_some() && reader.rest.is_empty()
}

/// What is left of the text. A method gives `None` when the text is none of what it reads.
struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.rest.strip_prefix(c);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// An address or a group; how many addresses it holds.
    fn address(&mut self, may_group: bool) -> Option<usize> {
        self.skip_space();
        if self.rest.is_empty() {
            return None;
        }
        let start = self.rest;
        if self.spec().is_some() {
            self.skip_space();
            if self.take('(') {
                self.comment()?;
            }
            return Some(1);
        }
        self.rest = start;
        if !start.starts_with('<') {
            self.phrase()?;
        }
        self.skip_space();
        if may_group && self.take(':') {
            return self.group();
        }
        let found = self.take('<') && self.spec().is_some() && self.take('>');
        found.then_some(1)
    }

    fn group(&mut self) -> Option<usize> {
        self.skip_space();
        if self.take(';') {
            self.skip_comments()?;
            return Some(0);
        }
        let mut count = 0;
        loop {
            count += self.address(false)?;
            self.skip_comments()?;
            if self.take(';') {
                self.skip_comments()?;
                return Some(count);
            }
            self.take(',').then_some(())?;
        }
    }

    /// `local@domain`
    fn spec(&mut self) -> Option<()> {
        self.skip_space();
        if self.rest.starts_with('"') {
            self.quoted().filter(|text| !text.is_empty())?;
        } else {
            strict(self.atom()?)?;
        }
        self.take('@').then_some(())?;
        self.skip_space();
        if self.take('[') {
            let end = self.rest.find(']')?;
            let literal = &self.rest[..end];
            self.rest = &self.rest[end + 1..];
            return is_ip(literal).then_some(());
        }
        strict(self.atom()?)
    }

    fn atom(&mut self) -> Option<&'t str> {
        let special = |c: char| c <= ' ' || c == '\u{7f}' || "()<>[]:;@\\,\"".contains(c);
        let end = self.rest.find(special).unwrap_or(self.rest.len());
        let (atom, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!atom.is_empty()).then_some(atom)
    }

    /// The inner text of a quoted one.
    fn quoted(&mut self) -> Option<&'t str> {
        let inner = &self.rest[1..];
        let mut escaped = false;
        for (at, c) in inner.char_indices() {
            let visible = c > ' ' && c != '\u{7f}' || c == ' ' || c == '\t';
            match c {
                _ if escaped && visible => escaped = false,
                '"' if !escaped => {
                    self.rest = &inner[at + 1..];
                    return Some(&inner[..at]);
                }
                '\\' if !escaped => escaped = true,
                _ if visible => {}
                _ => return None,
            }
        }
        None
    }

    fn phrase(&mut self) -> Option<()> {
        let mut words = 0;
        loop {
            if words > 0 {
                self.skip_comments()?;
            }
            self.skip_space();
            if self.rest.is_empty() {
                break;
            }
            let start = self.rest;
            let word = if start.starts_with('"') { self.quoted() } else { self.atom() };
            if word.is_none() {
                self.rest = start;
                break;
            }
            words += 1;
        }
        // An empty phrase at the end of the text is one; before anything else it is none.
        (words > 0 || self.rest.is_empty()).then_some(())
    }

    fn skip_comments(&mut self) -> Option<()> {
        self.skip_space();
        while self.take('(') {
            self.comment()?;
            self.skip_space();
        }
        Some(())
    }

    /// The rest of a comment, whose bracket is read.
    fn comment(&mut self) -> Option<()> {
        let mut depth = 1;
        let mut chars = self.rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if chars.peek().is_some() => {
                    chars.next();
                }
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.rest = &self.rest[at + 1..];
                return Some(());
            }
        }
        None
    }
}

fn strict(atom: &str) -> Option<()> {
    (!atom.starts_with('.') && !atom.ends_with('.') && !atom.contains("..")).then_some(())
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn addresses() {
        for good in [
            "a@b",
            "a.b+c@d.e",
            "Name <a@b>",
            "\"N, x\" <a@b>",
            "<a@b>",
            "a@b (c)",
            "\"a b\"@c",
            "a@[1.2.3.4]",
            "g: a@b;",
            "ä@ö",
            " a@b",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "", "a", "a@", "@b", "a..b@c", ".a@b", "a@b.", "a@b, c@d", "Name a@b", "<a@b", "a b@c", "g: ;", "a@[x]",
            "a@b (c", "\"\"@b",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
