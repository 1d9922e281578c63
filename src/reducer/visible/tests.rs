use proptest::prelude::*;

use super::*;

#[test]
fn ordinary_text_stays_and_is_not_copied() {
    for text in ["", "plain ~ text\n\ttabs", "Grüße 日本語 ✓ → 😀 ⚠️ ❤\u{fe0f}", "a\u{a0}b é"] {
        assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text:?}");
    }
}

#[test]
fn what_hides_or_turns_is_shown() {
    let check = |text: &str, shown: &str| assert_eq!(visible(text), shown, "{text:?}");
    check("a\u{1b}[31mb", "a␛[31mb");
    check("\0\u{7}\u{8}\r\u{b}\u{c}\u{1f}", "␀␇␈␍␋␌␟");
    check("\u{7f}", "␡");
    check("\u{9b}31m\u{85}", "⟨U+009B⟩31m⟨U+0085⟩");
    check("x\u{202e}y", "x⟨U+202E⟩y");
    check("\u{2066}\u{2069}", "⟨U+2066⟩⟨U+2069⟩");
    check("a\u{200b}b\u{200f}", "a⟨U+200B⟩b⟨U+200F⟩");
    check("\u{feff}", "⟨U+FEFF⟩");
    check("\u{2028}\u{2029}", "⟨U+2028⟩⟨U+2029⟩");
    check("\u{e0041}\u{e0100}", "⟨U+E0041⟩⟨U+E0100⟩");
    check("\u{ad}\u{61c}\u{180e}", "⟨U+00AD⟩⟨U+061C⟩⟨U+180E⟩");
}

#[test]
fn every_character_of_the_safety_page_is_marked() {
    let ranges = [
        0..=8,
        0xb..=0x1f,
        0x7f..=0x9f,
        0x202a..=0x202e,
        0x2066..=0x2069,
        0x200b..=0x200f,
        0x61c..=0x61c,
        0xfeff..=0xfeff,
        0xe0000..=0xe007f,
        0x2060..=0x2064,
    ];
    for character in ranges.into_iter().flatten().filter_map(char::from_u32) {
        let shown = visible(character.encode_utf8(&mut [0; 4])).into_owned();
        assert!(!shown.contains(character) && !shown.is_empty(), "U+{:04X}", u32::from(character));
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_shown_one_by_one() {
    let check = |bytes: &[u8], shown: &str| assert_eq!(visible_bytes(bytes), shown, "{bytes:?}");
    check(b"abc", "abc");
    check(b"a\xffb", "a⟨FF⟩b");
    check(b"\xc3", "⟨C3⟩");
    check(b"\xe2\x82x\xed\xa0\x80", "⟨E2⟩⟨82⟩x⟨ED⟩⟨A0⟩⟨80⟩");
    check("\u{202e}\n".as_bytes(), "⟨U+202E⟩\n");
}

proptest! {
    #[test]
    fn what_was_made_visible_has_nothing_left_to_show(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let shown = visible_bytes(&bytes);
        prop_assert_eq!(visible(&shown), shown.as_str());
    }

    #[test]
    fn text_is_shown_the_same_as_its_bytes(text in "\\PC{0,50}|[\\x00-\u{a0}]{0,50}|[\u{2000}-\u{2070}]{0,50}") {
        prop_assert_eq!(visible(&text), visible_bytes(text.as_bytes()));
    }
}

#[test]
fn only_what_is_not_utf_8_becomes_readable_and_the_rest_is_left_to_the_sink() {
    assert_eq!(readable(b"a\x1b[31m\xff\xe2\x82 b"), "a\u{1b}[31m⟨FF⟩⟨E2⟩⟨82⟩ b");
    assert!(matches!(readable("ä\u{202e}".as_bytes()), Cow::Borrowed("ä\u{202e}")));
}
