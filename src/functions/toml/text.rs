//! The texts of TOML: between quotes of four kinds, with what is escaped in them.

use super::cursor::{Cursor, Read, Wrong, is_line_end};

const NEWLINE: &str = "strings cannot contain newlines";

/// A text on one line, behind its opening mark.
pub(super) fn one_line(cursor: &mut Cursor<'_>, mark: char) -> Read<String> {
    cursor.begin();
    let mut escaped = false;
    loop {
        match cursor.next()? {
            None if mark == '"' => return Err(cursor.wrong("unexpected EOF; expected '\"'")),
            None => return Err(cursor.wrong("unexpected EOF; expected \"'\"")),
            c if is_line_end(c) => return Err(cursor.wrong_before(NEWLINE)),
            Some('\\') if mark == '"' => {
                escaped = true;
                escape(cursor)?;
            }
            c if c == Some(mark) => {
                cursor.back();
                let (text, line) = (cursor.piece(), cursor.line);
                cursor.next()?;
                cursor.begin();
                return if escaped { unescaped(text, line) } else { Ok(text.to_owned()) };
            }
            _ => {}
        }
    }
}

/// A text of any number of lines, behind its opening marks.
pub(super) fn many_lines(cursor: &mut Cursor<'_>, mark: char) -> Read<String> {
    cursor.begin();
    loop {
        match cursor.next()? {
            None if mark == '"' => return Err(cursor.wrong("unexpected EOF; expected '\"\"\"'")),
            None => return Err(cursor.wrong("unexpected EOF; expected \"'''\"")),
            // A line end behind it is passed over with it.
            Some('\\') if mark == '"' && !is_line_end(cursor.next()?) => {
                cursor.back();
                escape(cursor)?;
            }
            Some('\\') if mark == '"' => {}
            c if c == Some(mark) => {
                if !cursor.accept(mark)? {
                    continue;
                }
                if !cursor.accept(mark)? {
                    cursor.back();
                    continue;
                }
                if cursor.peek()? != Some(mark) {
                    break;
                }
                // Up to two marks are part of the text before those that end it.
                let five: String = std::iter::repeat_n(mark, 5).collect();
                let piece = cursor.piece();
                if piece.ends_with(&five) && !(mark == '"' && piece.ends_with(&format!("\\{five}"))) {
                    let six = five + &mark.to_string();
                    let message =
                        if mark == '"' { format!("unexpected '{six}'") } else { format!("unexpected \"{six}\"") };
                    return Err(cursor.wrong(message));
                }
                cursor.back();
                cursor.back();
            }
            _ => {}
        }
    }
    let (piece, line) = (cursor.piece(), cursor.line);
    let text = &piece[..piece.len() - 3];
    cursor.begin();
    let text = text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\n')).unwrap_or(text);
    if mark == '"' { unescaped(&joined(text), line) } else { Ok(text.to_owned()) }
}

fn escape(cursor: &mut Cursor<'_>) -> Read<()> {
    let digits = match cursor.next()? {
        Some('b' | 't' | 'n' | 'f' | 'r' | '"' | ' ' | '\t' | '\\') => return Ok(()),
        Some('u') => 4,
        Some('U') => 8,
        other => return Err(cursor.wrong(format!("invalid escape in string '\\{}'", other.unwrap_or('\0')))),
    };
    for _ in 0..digits {
        if !cursor.next()?.is_some_and(|c| c.is_ascii_hexdigit()) {
            let (count, mark) = if digits == 4 { ("four", 'u') } else { ("eight", 'U') };
            let found = crate::go::quote::quote(cursor.piece());
            let message = format!("expected {count} hexadecimal digits after '\\{mark}', but got {found} instead");
            return Err(cursor.wrong(message));
        }
    }
    Ok(())
}

/// Without the line ends, and the space behind them, that a backslash stands before.
fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let behind = &rest[at + 1..];
        let next = behind.trim_start_matches([' ', '\t', '\r', '\n']);
        let space = &behind[..behind.len() - next.len()];
        if behind.starts_with('\\') {
            out.push_str(&rest[..at + 2]);
            rest = &rest[at + 2..];
        } else if space.contains('\n') {
            out.push_str(&rest[..at]);
            rest = next;
        } else {
            out.push_str(&rest[..=at]);
            rest = behind;
        }
    }
    out.push_str(rest);
    out
}

fn unescaped(text: &str, line: i64) -> Read<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let Some(c) = rest[at + 1..].chars().next() else { break };
        rest = &rest[at + 1 + c.len_utf8()..];
        let digits = match c {
            'b' => {
                out.push('\u{8}');
                continue;
            }
            't' => {
                out.push('\t');
                continue;
            }
            'n' => {
                out.push('\n');
                continue;
            }
            'f' => {
                out.push('\u{c}');
                continue;
            }
            'r' => {
                out.push('\r');
                continue;
            }
            'u' => 4,
            'U' => 8,
            '"' | '\\' => {
                out.push(c);
                continue;
            }
            c => return Err(Wrong { line, message: format!("invalid escape: '\\{c}'") }),
        };
        let (number, after) = rest.split_at_checked(digits).unwrap_or((rest, ""));
        let Some(read) = u32::from_str_radix(number, 16).ok().and_then(char::from_u32) else {
            return Err(Wrong { line, message: format!("Escaped character '\\u{number}' is not valid UTF-8.") });
        };
        out.push(read);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
