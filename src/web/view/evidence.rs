//! The evidence link: a value, leading to the raw line that proves it (spec 3.1).

use maud::{Markup, html};

use super::link;
use crate::reducer::run::Known;

/// A value that a line proves.
#[must_use]
pub fn evidence(key: &str, line: u64, value: &Markup) -> Markup {
    html! { a.evidence href=(link::line(key, line)) title={ "line " (line) } { (value) } }
}

/// A known fact with its evidence; a dash when the log did not say.
#[must_use]
pub fn fact<T>(key: &str, known: &Known<T>, show: impl Fn(&T) -> Markup) -> Markup {
    match known {
        Some(fact) => evidence(key, fact.line, &show(&fact.value)),
        None => html! { span.none title="the log did not say" { "–" } },
    }
}

/// Line numbers as links.
#[must_use]
pub fn lines(key: &str, lines: &[u64]) -> Markup {
    html! {
        @for (index, line) in lines.iter().enumerate() {
            @if index > 0 { ", " }
            a.line href=(link::line(key, *line)) { "L" (line) }
        }
    }
}

/// One line number as a link.
#[must_use]
pub fn line(key: &str, number: u64) -> Markup {
    lines(key, &[number])
}
