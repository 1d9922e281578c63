//! Files that a log names: the list, and what one of them holds.
//!
//! What is shown here is text, escaped; an image comes from its own address with a sniffed type; nothing else of a file
//! is given to the browser to understand (spec 5.3 rule 6).

use maud::{Markup, html};

use super::icon::{Icon, icon};
use super::text::{bytes, cut, text};
use super::{amount, ansi, evidence, json, link, markdown};
use crate::reducer::run::RunState;
use crate::reducer::span::Artifact;
use crate::reducer::visible::readable;

/// At most so many rows of the list, the newest.
const MOST: usize = 100;
/// At most so many bytes of a file are shown.
pub const SHOWN: usize = 256 << 10;
/// The bytes that [`raster`] needs.
pub const HEAD: usize = 16;

/// The artifacts of a run, each leading to its page; nothing when there are none. `earlier` ones are before those that the
/// state has.
#[must_use]
pub fn list(key: &str, state: &RunState, earlier: u64) -> Option<Markup> {
    let known = &state.artifacts;
    let left_out = known.len().saturating_sub(MOST);
    if known.is_empty() {
        return None;
    }
    Some(html! {
        @if left_out > 0 { p.note { (amount::count(earlier + known.len() as u64)) ", showing the newest " (MOST) } }
        ul.artifacts {
            @for (place, artifact) in (earlier + 1..).zip(known).skip(left_out) {
                li {
                    (icon(Icon::File)) " " a.path href=(link::artifact(key, place)) { (cut(&artifact.path, 200)) }
                    (about(key, artifact))
                }
            }
        }
    })
}

/// Type, step, attempt and line, as far as they are known.
#[must_use]
pub fn about(key: &str, artifact: &Artifact) -> Markup {
    html! {
        span.meta {
            @if let Some(media) = &artifact.media_type { " " (cut(media, 60)) }
            @if let Some(step) = &artifact.step { " · step " (cut(step, 60)) }
            @if let Some(attempt) = artifact.attempt { " · attempt " (attempt) }
            " · " (evidence::line(key, artifact.line))
        }
    }
}

/// The media type of a raster image, by its first bytes and nothing else.
#[must_use]
pub fn raster(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// How the content of a file is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Image,
    Markdown,
    Json,
    Diff,
    Text,
    /// Not at all.
    Bytes,
}

fn kind(artifact: &Artifact, content: &[u8]) -> Kind {
    if raster(content).is_some() {
        return Kind::Image;
    }
    let strange = content.utf8_chunks().map(|chunk| chunk.invalid().len()).sum::<usize>();
    if content.contains(&0) || strange * 10 > content.len() {
        return Kind::Bytes;
    }
    let name = artifact.path.to_ascii_lowercase();
    let media = artifact.media_type.as_deref().unwrap_or("").to_ascii_lowercase();
    let is = |ends: &[&str], medium: &str| ends.iter().any(|end| name.ends_with(end)) || media.contains(medium);
    if is(&[".md", ".markdown"], "markdown") {
        Kind::Markdown
    } else if is(&[".json", ".jsonl", ".ndjson"], "json") {
        Kind::Json
    } else if is(&[".diff", ".patch"], "diff") {
        Kind::Diff
    } else {
        Kind::Text
    }
}

/// The first bytes of a file, shown by what they are. `size` is the whole file's.
#[must_use]
pub fn preview(key: &str, place: usize, artifact: &Artifact, content: &[u8], size: u64) -> Markup {
    let readable = readable(content);
    let source = || html! { pre.line tabindex="0" { (bytes(content)) } };
    html! {
        @match kind(artifact, content) {
            Kind::Image => { p { img.raster src=(link::artifact_content(key, place)) alt={ "the image " (super::text::plain(&artifact.path)) }; } }
            Kind::Markdown => {
                div.markdown { (markdown::markdown(&readable)) }
                details { summary { "source" } (source()) }
            }
            Kind::Json => { (json::viewer(&readable)) }
            Kind::Diff => { (diff(&readable)) }
            Kind::Text => { pre.said tabindex="0" { (ansi::ansi(&readable, SHOWN)) } }
            Kind::Bytes => { p.note { "This is no text and no picture that is shown here." } }
        }
        @if size > content.len() as u64 && kind(artifact, content) != Kind::Image {
            p.end { (amount::bytes(size)) ", showing the first " (amount::bytes(content.len() as u64)) }
        }
    }
}

/// A diff: neighbouring lines of one kind together. The sign at the line's beginning says what the hue says.
fn diff(written: &str) -> Markup {
    let class = |line: &str| match line.as_bytes() {
        [b'+', ..] => "added",
        [b'-', ..] => "removed",
        [b'@', b'@', ..] => "place",
        _ => "",
    };
    let mut blocks: Vec<(&str, String)> = Vec::new();
    for line in written.split_inclusive('\n') {
        match blocks.last_mut().filter(|(known, _)| *known == class(line)) {
            Some((_, block)) => block.push_str(line),
            None => blocks.push((class(line), line.to_owned())),
        }
    }
    html! { pre.diff tabindex="0" { @for (class, block) in &blocks { span class=[Some(*class).filter(|class| !class.is_empty())] { (text(block)) } } } }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{EVIL, check_harmless};
    use super::*;

    fn named(path: &str) -> Artifact {
        Artifact { path: path.to_owned(), media_type: None, attempt: None, step: None, line: 3 }
    }

    fn shown(path: &str, content: &[u8]) -> String {
        let shown = preview("a/b", 2, &named(path), content, content.len() as u64).into_string();
        check_harmless(&shown);
        shown
    }

    #[test]
    fn a_file_is_what_its_bytes_are_and_never_what_it_claims() {
        let png = b"\x89PNG\r\n\x1a\n....";
        assert!(shown("x.txt", png).contains("<img class=\"raster\" src=\"/api/runs/a%2Fb/artifacts/2\""));
        for active in ["x.png", "x.html", "x.svg", "x.js", "x"] {
            let shown = shown(active, b"<svg onload=\"x\"><script>alert(1)</script></svg>");
            assert!(
                !shown.contains("<img") && !shown.contains("<svg o") && shown.contains("&lt;svg"),
                "{active}: {shown}"
            );
        }
        assert!(shown("x.txt", b"a\0b").contains("no text"));
        assert!(shown("x.md", &[0xff; 50]).contains("no text"));
    }

    #[test]
    fn each_kind_of_text_has_its_form_and_is_escaped() {
        for path in ["x.json", "x.diff", "x.log"] {
            check_harmless(&shown(path, EVIL.as_bytes()));
        }
        // In the text of an element a quotation mark ends nothing.
        let report = preview("k", 1, &named("x.md"), EVIL.as_bytes(), 9).into_string();
        assert!(!report.contains("<script") && !report.contains('\u{202e}'), "{report}");
        assert!(shown("x.json", b"{\"a\":1}").contains("class=\"k\""));
        assert!(shown("x.log", b"\x1b[31mred").contains("a-red"));
        let diff = shown("x.patch", b"@@ -1 +1 @@\n-a\n+b\n+c\n d\n");
        assert!(diff.contains("<span class=\"added\"><bdi>+b\n+c\n</bdi></span>"), "{diff}");
        assert!(shown("x.md", b"# Title\n\n*so*").contains("<em>so</em>"));
    }

    #[test]
    fn the_list_leads_to_pages_by_place_and_says_what_it_leaves_out() {
        let artifacts = (0..150).map(|n| named(&format!("{n}{EVIL}"))).collect();
        let shown = list("k", &RunState { artifacts, ..RunState::default() }, 0).expect("has some").into_string();
        check_harmless(&shown);
        assert!(shown.contains("150, showing the newest 100"), "{shown}");
        assert!(shown.contains("/runs/k/artifacts/150\"") && shown.contains("/runs/k/artifacts/51\""));
        assert!(!shown.contains("/runs/k/artifacts/50\""));
    }
}
