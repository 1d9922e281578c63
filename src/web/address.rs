//! Run keys in addresses: one percent-encoded path segment (spec 4.2).
//!
//! A key holds `/` and `%XX` itself (spec 1.1), so it is encoded once more here and decoded exactly once by the router:
//! the run `a/b%20c` is asked for as `a%2Fb%2520c`.

use std::fmt::Write;

/// What stands in addresses for the run `.` (a state directory that itself holds a log): browsers drop a segment `.`,
/// also written `%2E`, before they ask. No key holds `%2E`, as `.` is never encoded in one (spec 1.1).
const DOT: &str = "%2E";

/// A run key as one path segment.
#[must_use]
pub fn segment(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 8);
    for byte in if key == "." { DOT } else { key }.bytes() {
        if byte.is_ascii_alphanumeric() || b"._~-".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
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
