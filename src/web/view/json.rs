//! The JSON viewer: raw JSON set out over lines, in the order and with the literals of the log.
//!
//! It never parses numbers or sorts keys: what is shown is what was written, only with line breaks. Text that is not
//! JSON comes out as text, so nothing can go wrong here.

use maud::{Markup, PreEscaped, Render, html};

use super::text;

/// At most so many bytes are set out; the rest is one click away as the raw line.
const MOST: usize = 64 * 1024;

/// The viewer.
#[must_use]
pub fn viewer(raw: &str) -> Markup {
    let end = raw.floor_char_boundary(MOST.min(raw.len()));
    html! {
        pre.json tabindex="0" { (set_out(&raw[..end])) }
        @if end < raw.len() {
            p.end { (super::amount::bytes(raw.len() as u64)) ", showing the first " (super::amount::bytes(end as u64)) }
        }
    }
}

fn set_out(raw: &str) -> Markup {
    let mut out = String::with_capacity(raw.len() * 2);
    let mut depth = 0_usize;
    let mut rest = raw.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = token(rest);
        let (token, after) = rest.split_at(length);
        rest = after.trim_start();
        match first {
            '{' | '[' => {
                out.push(first);
                let empty = rest.starts_with(['}', ']']);
                if !empty {
                    depth += 1;
                    newline(&mut out, depth);
                }
            }
            '}' | ']' => {
                if !out.ends_with(['{', '[']) {
                    depth = depth.saturating_sub(1);
                    newline(&mut out, depth);
                }
                out.push(first);
                if depth == 0 && rest.starts_with(['{', '[']) {
                    newline(&mut out, 0);
                }
            }
            ',' => {
                out.push(',');
                newline(&mut out, depth);
            }
            ':' => out.push_str(": "),
            '"' if rest.starts_with(':') => colour(&mut out, "k", token),
            '"' => colour(&mut out, "s", token),
            _ => colour(&mut out, "n", token),
        }
    }
    PreEscaped(out)
}

/// The length in bytes of the token that the text begins with; at least one character.
fn token(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b'"') => {
            let mut at = 1;
            while at < bytes.len() {
                match bytes[at] {
                    b'\\' => at += 2,
                    b'"' => return at + 1,
                    _ => at += 1,
                }
            }
            text.len()
        }
        Some(b'{' | b'}' | b'[' | b']' | b',' | b':') => 1,
        _ => text
            .find(['{', '}', '[', ']', ',', ':', '"', ' ', '\t', '\n', '\r'])
            .filter(|at| *at > 0)
            .unwrap_or(text.len()),
    }
}

fn colour(out: &mut String, class: &str, token: &str) {
    let shown = html! { span class=(class) { (text::text(token)) } };
    shown.render_to(out);
}

fn newline(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth.min(40) {
        out.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(raw: &str) -> String {
        let mut shown = set_out(raw).into_string();
        for tag in ["<bdi>", "</bdi>", "</span>", "<span class=\"k\">", "<span class=\"s\">", "<span class=\"n\">"] {
            shown = shown.replace(tag, "");
        }
        shown.replace("&quot;", "\"")
    }

    #[test]
    fn order_and_literals_of_the_log_are_kept() {
        assert_eq!(
            plain(r#"{"b":1.0,"a":[true,{}],"b":12345678901234567890}"#),
            "{\n  \"b\": 1.0,\n  \"a\": [\n    true,\n    {}\n  ],\n  \"b\": 12345678901234567890\n}"
        );
        assert_eq!(plain(r#"{"a":1}{"b":2}"#), "{\n  \"a\": 1\n}\n{\n  \"b\": 2\n}");
    }

    #[test]
    fn braces_and_quotes_inside_strings_are_text() {
        assert_eq!(plain(r#"{"a":"} \" ,:["}"#), "{\n  \"a\": \"} \\\" ,:[\"\n}");
    }

    #[test]
    fn what_is_not_json_does_no_harm() {
        for raw in ["", "}}}]", "\"open", "{\"a\":\"\\", "plain text ü", "[[[["] {
            let _ = viewer(raw);
        }
        let shown = viewer("{\"a\":\"<b>\"}").into_string();
        assert!(shown.contains("&lt;b&gt;"), "{shown}");
    }
}
