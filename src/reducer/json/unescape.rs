//! Escapes of JSON strings to text.

/// The text of a string's content that the scanner accepted. A surrogate that stands alone becomes U+FFFD (spec 1.2).
pub(crate) fn unescape(written: &str) -> String {
    let mut text = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(rest.get(..at).unwrap_or_default());
        let (character, length) = escape(rest.get(at + 1..).unwrap_or_default());
        text.push(character);
        rest = rest.get(at + 1 + length..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

/// The character of the escape whose backslash was just read, and how many bytes say so.
fn escape(rest: &str) -> (char, usize) {
    let plain = match rest.as_bytes().first() {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(rest),
        Some(&byte) => char::from(byte),
        None => char::REPLACEMENT_CHARACTER,
    };
    (plain, 1)
}

/// The character of `uXXXX`, or of `uXXXX\uXXXX` where the two are a pair.
fn unicode(rest: &str) -> (char, usize) {
    let Some(first) = unit(rest.get(1..5)) else { return (char::REPLACEMENT_CHARACTER, 1) };
    if let Some(character) = char::from_u32(first) {
        return (character, 5);
    }
    let second = rest.get(5..7).filter(|mark| *mark == "\\u").and_then(|_| unit(rest.get(7..11)));
    match second {
        Some(second @ 0xDC00..=0xDFFF) if first < 0xDC00 => {
            let point = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            (char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER), 11)
        }
        _ => (char::REPLACEMENT_CHARACTER, 5),
    }
}

fn unit(digits: Option<&str>) -> Option<u32> {
    u32::from_str_radix(digits?, 16).ok()
}
