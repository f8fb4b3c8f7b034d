//! Regular expressions in Go's syntax (RE2), on the regex crate. A pattern is read as Go reads it and written again in the crate's
//! spelling: classes like `\d` are ASCII, braces may stand for themselves, and what Go refuses is refused, in its words.

use regex::{Regex, RegexBuilder};

/// Bytes that a compiled pattern may take.
const SIZE: usize = 32 << 20;
/// Go's limit of `{n}`, alone or multiplied with those around it.
const REPEATS: u64 = 1000;

/// Compiles a pattern.
///
/// # Errors
/// In the words of Go's `regexp.Compile`.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    let mut translator =
        Translator { whole: pattern, rest: pattern, out: String::new(), groups: vec![Group::default()] };
    translator.run().map_err(|error| format!("error parsing regexp: {error}"))?;
    RegexBuilder::new(&translator.out).size_limit(SIZE).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "error parsing regexp: expression too large".to_owned(),
        _ => format!("error parsing regexp: invalid expression: `{pattern}`"),
    })
}

struct Translator<'p> {
    whole: &'p str,
    rest: &'p str,
    out: String,
    /// The groups that are open, the whole pattern first.
    groups: Vec<Group>,
}

/// What is known of an open group.
#[derive(Default)]
struct Group {
    /// Whether something stands before that can be repeated.
    has_operand: bool,
    /// How often what stands before is repeated, at most, by nested `{n}`.
    last: u64,
    /// The largest of these in the group.
    most: u64,
}

impl Group {
    fn operand(&mut self, repeats: u64) {
        self.has_operand = true;
        self.last = repeats;
        self.most = self.most.max(repeats);
    }
}

fn error<T>(what: &str, part: &str) -> Result<T, String> {
    Err(format!("{what}: `{part}`"))
}

/// What of `start` stands before `rest`, its end.
fn between<'p>(start: &'p str, rest: &str) -> &'p str {
    &start[..start.len() - rest.len()]
}

impl<'p> Translator<'p> {
    fn group(&mut self) -> Option<&mut Group> {
        self.groups.last_mut()
    }

    fn operand(&mut self) {
        if let Some(group) = self.group() {
            group.operand(1);
        }
    }

    fn run(&mut self) -> Result<(), String> {
        // Where the repetition just before begins, if there is one.
        let mut repeated: Option<&'p str> = None;
        while let Some(c) = self.rest.chars().next() {
            let start = self.rest;
            let after = &start[c.len_utf8()..];
            let before = repeated.take();
            match c {
                '(' => self.open()?,
                ')' => {
                    self.rest = after;
                    let closed = self.groups.pop().unwrap_or_default();
                    let Some(outer) = self.group() else { return error("unexpected )", self.whole) };
                    outer.operand(closed.most.max(1));
                    self.out.push(')');
                }
                '|' => {
                    self.rest = after;
                    if let Some(group) = self.group() {
                        group.has_operand = false;
                    }
                    self.out.push('|');
                }
                '^' | '$' | '.' => {
                    self.rest = after;
                    self.out.push(c);
                    self.operand();
                }
                '[' => {
                    self.class()?;
                    self.operand();
                }
                '*' | '+' | '?' => {
                    self.rest = after;
                    self.repeat(start, before, None)?;
                    repeated = Some(start);
                }
                '{' => match counts(after) {
                    Some((least, most, rest)) => {
                        self.rest = rest;
                        self.repeat(start, before, Some((least, most)))?;
                        repeated = Some(start);
                    }
                    None => self.literal(c, after),
                },
                '\\' => self.escape()?,
                _ => self.literal(c, after),
            }
        }
        if self.groups.len() > 1 {
            return error("missing closing )", self.whole);
        }
        Ok(())
    }

    fn literal(&mut self, c: char, rest: &'p str) {
        self.rest = rest;
        self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
        self.operand();
    }

    /// Behind an operator of repetition.
    fn repeat(
        &mut self,
        start: &'p str,
        before: Option<&'p str>,
        counts: Option<(u64, Option<u64>)>,
    ) -> Result<(), String> {
        let operator = between(start, self.rest);
        if let Some((least, most)) = counts
            && (least > REPEATS || most.is_some_and(|most| most > REPEATS || least > most))
        {
            return error("invalid repeat count", operator);
        }
        self.rest = self.rest.strip_prefix('?').unwrap_or(self.rest);
        if let Some(before) = before {
            return error("invalid nested repetition operator", between(before, self.rest));
        }
        let shown = between(start, self.rest);
        let Some(group) = self.groups.last_mut().filter(|group| group.has_operand) else {
            return error("missing argument to repetition operator", shown);
        };
        if let Some((least, most)) = counts {
            let times = most.unwrap_or(least);
            let repeats = if most == Some(0) { 1 } else { group.last.max(1) * times.max(1) };
            if (least >= 2 || most.is_some_and(|most| most >= 2)) && repeats > REPEATS {
                return error("invalid repeat count", shown);
            }
            group.operand(repeats);
        }
        self.out.push_str(shown);
        Ok(())
    }

    /// A group, or flags.
    fn open(&mut self) -> Result<(), String> {
        let start = self.rest;
        let Some(perl) = start.strip_prefix("(?") else {
            self.rest = &start[1..];
            self.out.push('(');
            self.groups.push(Group::default());
            return Ok(());
        };
        if let Some(named) =
            perl.strip_prefix("P<").or_else(|| perl.strip_prefix('<')).filter(|named| !named.is_empty())
        {
            let Some((name, rest)) = named.split_once('>') else { return error("invalid named capture", start) };
            if name.is_empty() || !name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
                return error("invalid named capture", between(start, rest));
            }
            self.rest = rest;
            let opening = format!("(?P<{name}>");
            // The crate wants names that begin with a letter and are there once.
            let plain = name.starts_with(|c: char| c.is_ascii_digit()) || self.out.contains(&opening);
            self.out.push_str(if plain { "(" } else { &opening });
            self.groups.push(Group::default());
            return Ok(());
        }
        let (mut negated, mut any) = (false, false);
        self.rest = perl;
        for (at, c) in perl.char_indices() {
            self.rest = &perl[at + c.len_utf8()..];
            match c {
                'i' | 'm' | 's' | 'U' => any = true,
                '-' if !negated => (negated, any) = (true, false),
                ':' | ')' if any || !negated => {
                    // `(?)` changes nothing, which the crate does not spell.
                    if c == ':' {
                        self.groups.push(Group::default());
                    }
                    self.out.push_str(if at == 0 && c == ')' { "" } else { between(start, self.rest) });
                    return Ok(());
                }
                _ => break,
            }
        }
        error("invalid or unsupported Perl syntax", between(start, self.rest))
    }

    fn escape(&mut self) -> Result<(), String> {
        let start = self.rest;
        let Some(c) = start[1..].chars().next() else { return error("trailing backslash at end of expression", "") };
        let after = &start[1 + c.len_utf8()..];
        match c {
            'A' | 'z' | 'B' | 'b' => {
                self.rest = after;
                self.out.push_str(match c {
                    'A' => "\\A",
                    'z' => "\\z",
                    'B' => "\\B",
                    _ => "(?-u:\\b)",
                });
            }
            'Q' => {
                let (literal, rest) = after.split_once("\\E").unwrap_or((after, ""));
                self.rest = rest;
                self.out.push_str(&regex::escape(literal));
                if literal.is_empty() {
                    return Ok(());
                }
            }
            'p' | 'P' => {
                let class = self.unicode()?;
                self.out.push_str(&class);
            }
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
                self.rest = after;
                let sign = if c.is_uppercase() { "^" } else { "" };
                self.out.push_str(&format!("[{sign}{}]", perl_class(c)));
            }
            _ => {
                let c = self.escaped()?;
                self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
            }
        }
        self.operand();
        Ok(())
    }

    /// A character behind a backslash.
    fn escaped(&mut self) -> Result<char, String> {
        let start = self.rest;
        let mut chars = start[1..].chars();
        let Some(c) = chars.next() else { return error("trailing backslash at end of expression", "") };
        let after = chars.as_str();
        let octal = |text: &str, most: usize| text.bytes().take(most).take_while(|b| matches!(b, b'0'..=b'7')).count();
        let mut rest = after;
        let found = match c {
            '1'..='7' if octal(after, 1) == 0 => None,
            '0'..='7' => {
                let digits = 1 + octal(after, 2);
                rest = &start[1 + digits..];
                u32::from_str_radix(&start[1..=digits], 8).ok().and_then(char::from_u32)
            }
            'x' => {
                let (digits, end) = match after.strip_prefix('{') {
                    Some(braced) => {
                        let end = braced.find('}').unwrap_or(braced.len());
                        (&braced[..end], (end + 2).min(after.len()))
                    }
                    None => (after.get(..2).unwrap_or_default(), 2.min(after.len())),
                };
                let is_hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
                rest = after.get(end..).unwrap_or_default();
                is_hex.then(|| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)).flatten()
            }
            'a' => Some('\u{7}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\u{b}'),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c),
            _ => None,
        };
        self.rest = rest;
        found.map_or_else(|| error("invalid escape sequence", between(start, rest)), Ok)
    }

    /// `\pL`, `\p{Greek}`, `\P{^Lu}`.
    fn unicode(&mut self) -> Result<String, String> {
        let start = self.rest;
        let body = &start[2..];
        let Some(first) = body.chars().next() else { return error("invalid character class range", start) };
        let name = if first == '{' {
            let Some(end) = body.find('}') else { return error("invalid character class range", start) };
            self.rest = &body[end + 1..];
            &body[1..end]
        } else {
            self.rest = &body[first.len_utf8()..];
            &body[..first.len_utf8()]
        };
        let (flip, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
        let sign = if start.starts_with("\\P") == flip { 'p' } else { 'P' };
        // Go knows general categories by their short names, and scripts.
        let class = match name {
            "Any" => format!("\\{sign}{{Any}}"),
            name if name.len() <= 2 => format!("\\{sign}{{gc={name}}}"),
            name => format!("\\{sign}{{sc={name}}}"),
        };
        let is_named = name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')
            && name.starts_with(|c: char| c.is_ascii_uppercase());
        if is_named && Regex::new(&class).is_ok() {
            return Ok(class);
        }
        error("invalid character class range", between(start, self.rest))
    }

    fn class(&mut self) -> Result<(), String> {
        let start = self.rest;
        self.rest = &start[1..];
        self.out.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            self.out.push('^');
        }
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            if let Some(end) = self.rest.strip_prefix("[:").and_then(|rest| rest.find(":]")) {
                let named = &self.rest[..end + 4];
                let name = named[2..end + 2].strip_prefix('^').unwrap_or(&named[2..end + 2]);
                if !POSIX.contains(&name) {
                    return error("invalid character class range", named);
                }
                self.out.push_str(named);
                self.rest = &self.rest[end + 4..];
                continue;
            }
            if self.rest.starts_with("\\p") || self.rest.starts_with("\\P") {
                let class = self.unicode()?;
                self.out.push_str(&class);
                continue;
            }
            if let Some(c) = self.rest.strip_prefix('\\').and_then(|rest| rest.chars().next())
                && "dDsSwW".contains(c)
            {
                self.rest = &self.rest[2..];
                let class = perl_class(c);
                self.out.push_str(&if c.is_uppercase() { format!("[^{class}]") } else { class.to_owned() });
                continue;
            }
            let range = self.rest;
            let low = self.class_char(start)?;
            let mut high = low;
            if self.rest.starts_with('-') && self.rest.len() > 1 && !self.rest.starts_with("-]") {
                self.rest = &self.rest[1..];
                high = self.class_char(start)?;
                if high < low {
                    return error("invalid character class range", between(range, self.rest));
                }
            }
            self.out.push_str(&format!("\\x{{{:x}}}", u32::from(low)));
            if high != low {
                self.out.push_str(&format!("-\\x{{{:x}}}", u32::from(high)));
            }
        }
        self.rest = &self.rest[1..];
        self.out.push(']');
        Ok(())
    }

    fn class_char(&mut self, class: &'p str) -> Result<char, String> {
        match self.rest.chars().next() {
            None => error("missing closing ]", class),
            Some('\\') => self.escaped(),
            Some(c) => {
                self.rest = &self.rest[c.len_utf8()..];
                Ok(c)
            }
        }
    }
}

/// Names of classes in brackets and colons.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// What `\d`, `\s`, `\w` and their opposites name.
fn perl_class(c: char) -> &'static str {
    match c.to_ascii_lowercase() {
        'd' => "0-9",
        's' => "\\t\\n\\f\\r ",
        _ => "0-9A-Za-z_",
    }
}

/// `2}`, `2,}`, `2,5}` behind a brace, and what follows; anything else is no repetition. What is too large to be read is too large.
fn counts(text: &str) -> Option<(u64, Option<u64>, &str)> {
    let end = text.find('}')?;
    let (inner, rest) = (&text[..end], &text[end + 1..]);
    let number = |text: &str| {
        let proper =
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
        proper.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match inner.split_once(',') {
        None => number(inner).map(|times| (times, Some(times), rest)),
        Some((least, "")) => number(least).map(|least| (least, None, rest)),
        Some((least, most)) => Some((number(least)?, Some(number(most)?), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        compile(pattern).unwrap().is_match(text)
    }

    #[test]
    fn gos_syntax() {
        assert!(!matches("^\\d$", "٣"));
        assert!(matches("^[\\w.-]+$", "a.b-c_9"));
        assert!(matches("^[\\w-\\.]+$", "a.b-c"));
        assert!(matches("^[[a]$", "["));
        assert!(matches("^[]a]$", "]"));
        assert!(matches("^a{,2}$", "a{,2}"));
        assert!(matches("^a{02}$", "a{02}"));
        assert!(matches("^[[:alpha:]]+$", "abc"));
        assert!(matches("^[^[:alpha:]]+$", "12"));
        assert!(matches("^\\Qa.b\\E$", "a.b"));
        assert!(matches("^[a&&b]+$", "&ab"));
        assert!(matches("^[a-]+$", "-a"));
        assert!(matches("^[+--]+$", "+,-"));
        assert!(matches("\\p{Lu}\\pN", "Ä1"));
        assert!(matches("^\\101\\x42\\x{43}$", "ABC"));
        assert!(matches("^\\<\\>\\ \\#$", "<> #"));
        assert!(matches("(?i)^ABC$", "abc"));
        assert!(matches("^(?P<1>x)(?P<n>a)(?P<n>b)$", "xab"));
        assert!(matches("x{2}y", "xxy"));
        assert!(matches("^\\Q\\E$", ""));
    }

    #[test]
    fn refused_in_gos_words() {
        for (pattern, error) in [
            ("(", "missing closing ): `(`"),
            ("a)", "unexpected ): `a)`"),
            ("[a", "missing closing ]: `[a`"),
            ("x[]", "missing closing ]: `[]`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("(a|*?)", "missing argument to repetition operator: `*?`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{2,1}", "invalid repeat count: `{2,1}`"),
            ("((a{100}){100})", "invalid repeat count: `{100}`"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            ("\\p{Foo}", "invalid character class range: `\\p{Foo}`"),
            ("\\p{Letter}", "invalid character class range: `\\p{Letter}`"),
            ("\\u0041", "invalid escape sequence: `\\u`"),
            ("\\8", "invalid escape sequence: `\\8`"),
            ("\\", "trailing backslash at end of expression: ``"),
            ("(?=x)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
            ("(?<!x)", "invalid named capture: `(?<!x)`"),
            ("(?P<a b>x)", "invalid named capture: `(?P<a b>`"),
        ] {
            assert_eq!(compile(pattern).unwrap_err(), format!("error parsing regexp: {error}"), "{pattern}");
        }
    }
}
