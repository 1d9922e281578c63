//! Run keys in addresses: one percent-encoded path segment (spec 4.2).
//!
//! A key holds `/` and `%XX` itself (spec 1.1), so it is encoded once more here and decoded exactly once by the router:
//! the run `a/b%20c` is asked for as `a%2Fb%2520c`.

use std::borrow::Cow;
use std::fmt::Write;

/// What stands in addresses for the run `.` (a state directory that itself holds a log): browsers drop a segment `.`,
/// also written `%2E`, before they ask. No key holds `%2E`, as `.` is never encoded in one (spec 1.1).
const DOT: &str = "%2E";

/// A run key as one path segment.
#[must_use]
pub fn segment(key: &str) -> Cow<'_, str> {
    encode(if key == "." { DOT } else { key })
}

/// Percent-encodes everything that is not unreserved (RFC 3986), so that the result is one segment, value or id.
#[must_use]
pub fn encode(value: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if value.bytes().all(is_plain) {
        return Cow::Borrowed(value);
    }
    let mut encoded = String::with_capacity(value.len() + 8);
    for byte in value.bytes() {
        if is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing into a string cannot fail");
        }
    }
    Cow::Owned(encoded)
}

/// The key that a decoded path segment means.
#[must_use]
pub fn key(segment: String) -> String {
    if segment == DOT { String::from(".") } else { segment }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_segment_that_decodes_to_itself() {
        let cases = [
            ("run-1", "run-1"),
            ("a/b", "a%2Fb"),
            ("a%20b", "a%2520b"),
            ("..x", "..x"),
            ("%3Cimg%3E", "%253Cimg%253E"),
            (".", "%252E"),
        ];
        for (plain, encoded) in cases {
            assert_eq!(segment(plain), encoded);
        }
        assert_eq!(key(String::from("%2E")), ".");
        assert_eq!(key(String::from("a/b")), "a/b");
    }
}
