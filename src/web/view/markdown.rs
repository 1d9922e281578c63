//! Markdown of a file that a log names: pulldown-cmark reads it, ammonia lets a short list of elements through (spec 5.3
//! rule 6). Images and links are text. Log text is never markdown; this is for files only.

use std::collections::HashSet;
use std::sync::LazyLock;

use maud::{Markup, PreEscaped};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use super::text::plain;

/// Elements that come through, without any attribute.
const ELEMENTS: [&str; 24] = [
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];

static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = ammonia::Builder::empty();
    cleaner.tags(HashSet::from(ELEMENTS)).strip_comments(true);
    cleaner
});

/// The markdown as HTML of our own making.
#[must_use]
pub fn markdown(written: &str) -> Markup {
    let visible = plain(written);
    let mut targets: Vec<CowStr<'_>> = Vec::new();
    let events = Parser::new_ext(&visible, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let events = events.filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. }) => {
            targets.push(dest_url);
            None
        }
        Event::Start(Tag::Image { dest_url, .. }) => {
            targets.push(dest_url);
            Some(Event::Text("[image: ".into()))
        }
        Event::End(end @ (TagEnd::Link | TagEnd::Image)) => {
            let target = targets.pop().unwrap_or("".into());
            let close = if end == TagEnd::Image { "]" } else { "" };
            Some(Event::Text(format!(" ({target}){close}").into()))
        }
        // Markup that stands in the file is text of the file.
        Event::Html(markup) | Event::InlineHtml(markup) => Some(Event::Text(markup)),
        other => Some(other),
    });
    let mut out = String::with_capacity(visible.len() * 2);
    html::push_html(&mut out, events);
    PreEscaped(CLEANER.clean(&out).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(written: &str) -> String {
        markdown(written).into_string()
    }

    #[test]
    fn ordinary_markdown_is_readable() {
        let text =
            shown("# A\n\n- one\n- **two**\n\n| a | b |\n|:--|--:|\n| 1 | 2 |\n\n```rust\nlet x = 1 < 2;\n```\n");
        for part in ["<h1>A</h1>", "<li><strong>two</strong></li>", "<td>1</td>", "<pre><code>let x = 1 &lt; 2;"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn links_and_images_are_text() {
        let text = shown(
            "[here](https://evil.test) ![pic](http://evil.test/x.png) <https://auto.test> [j](javascript:alert(1))",
        );
        assert!(
            text.contains("here (https://evil.test)") && text.contains("[image: pic (http://evil.test/x.png)]"),
            "{text}"
        );
        for forbidden in ["<a", "<img", "href", "src="] {
            assert!(!text.contains(forbidden), "{forbidden}: {text}");
        }
    }

    #[test]
    fn markup_in_a_file_is_never_markup_on_the_page() {
        for written in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "a <b onclick=\"x\">b</b> <!-- c --> <svg><style>x</style>",
            "<iframe srcdoc='<script>1</script>'>",
            "<details open ontoggle=alert(1)>",
            "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
            "```\"><script>alert(1)</script>\nx\n```",
            "| <td style=x> |\n|--|\n| <style>@import 'x'</style> |",
            "\u{202e}evil\u{200b}",
        ] {
            let text = shown(written);
            let mut rest = text.as_str();
            while let Some(at) = rest.find('<') {
                rest = &rest[at + 1..];
                let name = rest.trim_start_matches('/');
                let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
                assert!(ELEMENTS.contains(&&name[..end]), "{written} gave {text}");
                assert!(name[end..].starts_with('>') || name[end..].starts_with(" />"), "{written} gave {text}");
            }
            assert!(!text.contains('\u{202e}') && !text.contains('\u{200b}'), "{text}");
        }
    }
}
