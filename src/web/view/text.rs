//! The one way for foreign text into HTML: logs, names, paths and what was typed into a search field.
//!
//! Control, bidi and invisible characters become visible marks, markup is escaped by maud, and `<bdi>` keeps the
//! direction of the text to itself (spec 5.3 rule 5, T124). Log text never becomes a link or markdown.

use std::borrow::Cow;

use maud::{Markup, Render, html};

use crate::reducer::visible::{visible, visible_bytes};

/// Text as maud escapes it, letter by letter; most has nothing to escape, which is seen faster.
struct Escaped<'t>(Cow<'t, str>);

impl Render for Escaped<'_> {
    fn render_to(&self, page: &mut String) {
        // Without a way out, so that many bytes are looked at together.
        let plain = self.0.bytes().fold(true, |plain, byte| plain & !matches!(byte, b'&' | b'<' | b'>' | b'"'));
        match plain {
            true => page.push_str(&self.0),
            false => self.0.render_to(page),
        }
    }
}

/// Foreign text inside an element.
#[must_use]
pub fn text(foreign: &str) -> Markup {
    html! { bdi { (Escaped(visible(foreign))) } }
}

/// Foreign text inside an element, cut after `limit` characters with the number of those left out said.
#[must_use]
pub fn cut(foreign: &str, limit: usize) -> Markup {
    let Some((end, _)) = foreign.char_indices().nth(limit) else { return text(foreign) };
    let left_out = foreign[end..].chars().count();
    html! { bdi { (Escaped(visible(&foreign[..end]))) } span.cut title={ (left_out) " more characters" } { "…" } }
}

/// Foreign bytes inside an element; what is not UTF-8 is shown byte by byte.
#[must_use]
pub fn bytes(foreign: &[u8]) -> Markup {
    html! { bdi { (visible_bytes(foreign)) } }
}

/// Foreign text for an attribute or `<title>`, where there can be no element. maud still escapes it.
#[must_use]
pub fn plain(foreign: &str) -> Cow<'_, str> {
    visible(foreign)
}

/// The same of at most so many characters.
#[must_use]
pub fn short(foreign: &str, limit: usize) -> Cow<'_, str> {
    match foreign.char_indices().nth(limit) {
        Some((end, _)) => Cow::Owned(format!("{}…", plain(&foreign[..end]))),
        None => plain(foreign),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_log_stays_text() {
        let shown = text("<img src=x onerror=alert(1)>&\"'").into_string();
        assert_eq!(shown, "<bdi>&lt;img src=x onerror=alert(1)&gt;&amp;&quot;'</bdi>");
    }

    #[test]
    fn control_and_bidi_characters_become_marks() {
        let shown = text("a\u{1b}[31mb\u{202e}c").into_string();
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
        assert!(shown.contains("202E"), "{shown}");
    }

    #[test]
    fn a_cut_says_how_much_is_missing_and_never_splits_a_character() {
        let shown = cut("äöüß", 3).into_string();
        assert!(shown.starts_with("<bdi>äöü</bdi>") && shown.contains("1 more characters"), "{shown}");
        assert_eq!(cut("äöü", 3).into_string(), "<bdi>äöü</bdi>");
        assert_eq!((short("äöüß", 3), short("äöü", 3)), ("äöü…".into(), "äöü".into()));
    }
}
