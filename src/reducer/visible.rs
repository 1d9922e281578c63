//! Makes hostile text harmless to look at: control, bidi and invisible characters become visible marks (spec 5.3).
//!
//! The core that every sink's escaping function starts from; it must never know a sink.

use std::borrow::Cow;

/// Text with every control, bidi and invisible character replaced by a visible mark such as `␛` or `⟨U+202E⟩`.
/// Newlines and tabs stay.
#[must_use]
pub fn visible(_text: &str) -> Cow<'_, str> {
    todo!()
}

/// The same for bytes: what is not UTF-8 is shown as `⟨FF⟩`, byte by byte.
#[must_use]
pub fn visible_bytes(_bytes: &[u8]) -> String {
    todo!()
}
