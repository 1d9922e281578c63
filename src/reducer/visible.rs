//! Makes hostile text harmless to look at: control, bidi and invisible characters become visible marks (spec 5.3).
//!
//! The core that every sink's escaping function starts from; it must never know a sink.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Text with every control, bidi and invisible character replaced by a visible mark such as `␛` or `⟨U+202E⟩`.
/// Newlines and tabs stay.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    let Some(first) = first_hidden(text) else { return Cow::Borrowed(text) };
    let (clean, rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str(clean);
    for character in rest.chars() {
        push_visible(&mut out, character);
    }
    Cow::Owned(out)
}

/// The same for bytes: what is not UTF-8 is shown as `⟨FF⟩`, byte by byte.
#[must_use]
pub fn visible_bytes(bytes: &[u8]) -> String {
    visible(&readable(bytes)).into_owned()
}

/// Bytes as text in which only what is not UTF-8 became a mark, for a sink that makes the rest visible itself.
#[must_use]
pub fn readable(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            push_mark(&mut out, format_args!("{byte:02X}"));
        }
    }
    Cow::Owned(out)
}

/// Where the first character stands that needs a mark.
fn first_hidden(text: &str) -> Option<usize> {
    // Without a way out, so that many bytes are looked at together.
    let plain = text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~' | b'\n' | b'\t'));
    if plain {
        return None;
    }
    text.char_indices().find(|(_, character)| is_hidden(*character)).map(|(at, _)| at)
}

fn push_visible(out: &mut String, character: char) {
    match character {
        _ if !is_hidden(character) => out.push(character),
        '\0'..='\u{1f}' => out.push(control_picture(character)),
        '\u{7f}' => out.push('␡'),
        _ => push_mark(out, format_args!("U+{:04X}", u32::from(character))),
    }
}

fn push_mark(out: &mut String, code: std::fmt::Arguments<'_>) {
    out.write_fmt(format_args!("⟨{code}⟩")).expect("writing into a string cannot fail");
}

/// `␀` to `␟`, which stand in the order of the controls.
fn control_picture(control: char) -> char {
    char::from_u32(0x2400 + u32::from(control)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Whether a character changes how others look, or is not seen itself. Only the two variation selectors that choose
/// between text and emoji (U+FE0E, U+FE0F) pass, since they stand beside a visible character in ordinary logs.
fn is_hidden(character: char) -> bool {
    match character {
        ' '..='~' | '\n' | '\t' => false,
        // Controls, C1 included, and what is shown as nothing at all.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' => true,
        // Arabic letter mark, Hangul and Khmer fillers, Mongolian selectors.
        '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' => true,
        // Zero width, direction marks, line and paragraph separators, embeddings, overrides.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        // Word joiner, invisible operators, isolates, deprecated format characters, blank Braille.
        '\u{2060}'..='\u{206f}' | '\u{2800}' => true,
        // Hangul filler, variation selectors 1 to 14, byte-order mark, half-width filler, annotations.
        '\u{3164}' | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' => true,
        // Format characters of Egyptian hieroglyphs, shorthand and music.
        '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' => true,
        // Tags and the variation selectors beside them.
        '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
