//! IP addresses as Go's `net.ParseIP` takes them.

/// Whether a text is an address, of either kind, without a zone.
pub(crate) fn is_ip(text: &str) -> bool {
    match text.bytes().find(|b| matches!(b, b'.' | b':' | b'%')) {
        Some(b'.') => is_v4(text),
        Some(b':') => is_v6(text),
        _ => false,
    }
}

fn is_v4(text: &str) -> bool {
    let number = |part: &str| {
        (1..=3).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part.len() == 1 || !part.starts_with('0'))
            && part.parse::<u8>().is_ok()
    };
    text.split('.').count() == 4 && text.split('.').all(number)
}

fn is_v6(text: &str) -> bool {
    let (left, right) = match text.split_once("::") {
        Some((left, right)) => (left, Some(right)),
        None => (text, None),
    };
    // How many groups a side has; the last one of the whole may be an address of the other kind, which counts for two.
    let groups = |side: &str, is_last: bool| -> Option<usize> {
        if side.is_empty() {
            return Some(0);
        }
        let parts: Vec<&str> = side.split(':').collect();
        let mut count = 0;
        for (index, part) in parts.iter().enumerate() {
            if is_last && index + 1 == parts.len() && part.contains('.') {
                count += is_v4(part).then_some(2)?;
            } else {
                let is_group = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
                count += is_group.then_some(1)?;
            }
        }
        Some(count)
    };
    match right {
        None => groups(left, true) == Some(8),
        Some(right) => {
            matches!((groups(left, false), groups(right, true)), (Some(left), Some(right)) if left + right < 8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_ip;

    #[test]
    fn addresses() {
        for good in [
            "1.2.3.4",
            "255.255.255.255",
            "::",
            "::1",
            "1::",
            "1:2:3:4:5:6:7::",
            "::ffff:1.2.3.4",
            "1:2:3:4:5:6:1.2.3.4",
            "FE80::A",
        ] {
            assert!(is_ip(good), "{good}");
        }
        for bad in [
            "",
            "1",
            "1.2.3",
            "1.2.3.4.5",
            "01.2.3.4",
            "256.1.1.1",
            "1.2.3.4:80",
            ":::",
            "1::2::3",
            "1:2:3:4:5:6:7:8::",
            "::12345",
            "1.2.3.4::",
            "fe80::1%eth0",
            "1:2:3:4:5:6:7:1.2.3.4",
            ":1:2:3:4:5:6:7",
            "1.2.3.",
        ] {
            assert!(!is_ip(bad), "{bad}");
        }
    }
}
