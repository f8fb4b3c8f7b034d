//! Go's `Sprintf`: the format's syntax, and what it says of operands that do not fit.

use super::print::{Flags, Printer};
use super::text::Str;
use super::value::Value;

/// Widths and precisions above this are refused, as in Go.
const TOO_LARGE: i64 = 1_000_000;

/// Formats `args` by `format`. Mistakes are written into the text: `%!d(string=x)`, `%!s(MISSING)`, `%!(EXTRA int=1)`.
pub(super) fn sprintf(format: &[u8], args: &[Value]) -> Str {
    let mut run = Run { format, args, at: 0, arg: 0, reordered: false, good_index: true, printer: Printer::default() };
    run.all();
    Str::from(run.printer.out)
}

struct Run<'a> {
    format: &'a [u8],
    args: &'a [Value],
    /// Position in the format.
    at: usize,
    /// The next operand.
    arg: usize,
    /// Explicit indices were used: surplus operands are then not reported.
    reordered: bool,
    good_index: bool,
    printer: Printer,
}

impl Run<'_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn all(&mut self) {
        while self.at < self.format.len() {
            let rest = &self.format[self.at..];
            let plain = rest.iter().position(|&b| b == b'%').unwrap_or(rest.len());
            self.printer.out.extend_from_slice(&rest[..plain]);
            self.at += plain;
            if self.at < self.format.len() {
                self.at += 1;
                self.directive();
            }
        }
        if !self.reordered && self.arg < self.args.len() {
            self.extra();
        }
    }

    fn extra(&mut self) {
        self.printer.flags = Flags::default();
        self.printer.text("%!(EXTRA ");
        for (i, arg) in self.args[self.arg..].iter().enumerate() {
            if i > 0 {
                self.printer.text(", ");
            }
            if arg.is_nil() {
                self.printer.text("<nil>");
            } else {
                self.printer.text(arg.type_name());
                self.printer.text("=");
                self.printer.arg(arg, 'v');
            }
        }
        self.printer.text(")");
    }

    fn directive(&mut self) {
        self.good_index = true;
        let mut flags = Flags::default();
        while let Some(c) = self.peek() {
            match c {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        let mut after_index = self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            match self.int_operand() {
                Some(width) => {
                    flags.minus |= width < 0;
                    flags.zero &= width >= 0;
                    flags.width = Some(width.unsigned_abs() as usize);
                }
                None => self.printer.text("%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            flags.width = self.number();
            if after_index && flags.width.is_some() {
                self.good_index = false;
            }
        }
        if self.at + 1 < self.format.len() && self.peek() == Some(b'.') {
            self.at += 1;
            if after_index {
                self.good_index = false;
            }
            after_index = self.index();
            if self.peek() == Some(b'*') {
                self.at += 1;
                flags.precision = self.int_operand().and_then(|n| usize::try_from(n).ok());
                if flags.precision.is_none() {
                    self.printer.text("%!(BADPREC)");
                }
                after_index = false;
            } else {
                flags.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
        self.verb(flags);
    }

    fn verb(&mut self, flags: Flags) {
        self.printer.flags = flags;
        let Some(verb) = self.next_char() else { return self.printer.text("%!(NOVERB)") };
        if verb == '%' {
            return self.printer.text("%");
        }
        if !self.good_index {
            return self.complain(verb, "(BADINDEX)");
        }
        let Some(arg) = self.args.get(self.arg) else { return self.complain(verb, "(MISSING)") };
        self.arg += 1;
        if verb == 'v' || verb == 'w' {
            let flags = &mut self.printer.flags;
            flags.sharp_v = std::mem::take(&mut flags.sharp);
            flags.plus_v = std::mem::take(&mut flags.plus);
        }
        self.printer.arg(arg, verb);
    }

    fn complain(&mut self, verb: char, what: &str) {
        self.printer.text("%!");
        self.printer.char(verb);
        self.printer.text(what);
    }

    fn next_char(&mut self) -> Option<char> {
        let rest = self.format.get(self.at..).filter(|rest| !rest.is_empty())?;
        for length in 1..=rest.len().min(4) {
            if let Ok(text) = std::str::from_utf8(&rest[..length]) {
                self.at += length;
                return text.chars().next();
            }
        }
        self.at += 1;
        Some('\u{fffd}')
    }

    /// A run of digits. Numbers that are too large count as none (and end the directive's reading, as in Go).
    fn number(&mut self) -> Option<usize> {
        let start = self.at;
        let mut n = 0i64;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            if n > TOO_LARGE {
                self.at = self.format.len();
                return None;
            }
            n = n * 10 + i64::from(digit - b'0');
            self.at += 1;
        }
        (self.at > start).then(|| usize::try_from(n).unwrap_or(0))
    }

    fn int_operand(&mut self) -> Option<i64> {
        let arg = self.args.get(self.arg)?;
        self.arg += 1;
        arg.as_i64().filter(|n| (-TOO_LARGE..=TOO_LARGE).contains(n))
    }

    /// `[n]`: which operand comes next. Says whether there was one.
    fn index(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let rest = &self.format[self.at..];
        let Some(end) = rest.iter().position(|&b| b == b']').filter(|_| rest.len() >= 3) else {
            self.good_index = false;
            self.at += 1;
            return false;
        };
        let inside = &rest[1..end];
        self.at += end + 1;
        let n = std::str::from_utf8(inside)
            .ok()
            .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|text| text.parse::<usize>().ok())
            .filter(|&n| n <= TOO_LARGE as usize);
        match n {
            Some(n) if n >= 1 && n <= self.args.len() => {
                self.arg = n - 1;
                true
            }
            Some(_) => {
                self.good_index = false;
                true
            }
            None => {
                self.good_index = false;
                false
            }
        }
    }
}
