//! Errors of a run with their stack traces, the newest first.

use maud::{Markup, html};

use super::text::{cut, text};
use super::{evidence, waterfall};
use crate::reducer::event::ErrorText;
use crate::reducer::run::RunState;

/// At most so many.
const MOST: usize = 20;

/// The run's error and those of its spans; nothing when there are none.
#[must_use]
pub fn errors(key: &str, state: &RunState) -> Option<(usize, Markup)> {
    let mut all: Vec<(u64, Option<String>, &ErrorText)> = Vec::new();
    if let Some(error) = &state.run.error {
        all.push((error.line, None, &error.value));
    }
    for span in &state.spans {
        let line = span.closed_line.unwrap_or(span.opened_line);
        let known = all.iter().any(|(at, _, _)| *at == line);
        if let Some(error) = span.error.as_ref().filter(|_| !known) {
            all.push((line, Some(format!("{} {}", span.kind, waterfall::name(span))), error));
        }
    }
    all.sort_by_key(|(line, _, _)| std::cmp::Reverse(*line));
    let count = all.len();
    (count > 0).then(|| {
        let shown = html! {
            @for (line, place, error) in all.iter().take(MOST) { (one(key, *line, place.as_deref(), error)) }
            @if count > MOST { p.end { (count) ", showing the newest " (MOST) } }
        };
        (count, shown)
    })
}

fn one(key: &str, line: u64, place: Option<&str>, error: &ErrorText) -> Markup {
    html! {
        article.error {
            p {
                @if let Some(kind) = &error.kind { strong { (cut(kind, 120)) } " " }
                @if let Some(message) = &error.message { span.message { (cut(message, 2000)) } }
                span.meta { @if let Some(place) = place { " in " (cut(place, 120)) } " · " (evidence::line(key, line)) }
            }
            @if let Some(stack) = &error.stack { pre.stack tabindex="0" { (text(stack)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{EVIL, check_harmless};
    use super::*;
    use crate::reducer::run::Fact;

    #[test]
    fn an_error_shows_its_stack_and_its_line() {
        let evil = || Some(EVIL.to_owned());
        let mut state = RunState::default();
        state.run.error = Some(Fact { value: ErrorText { message: evil(), kind: evil(), stack: evil() }, line: 812 });
        let (count, shown) = errors("k", &state).expect("has an error");
        let shown = shown.into_string();
        check_harmless(&shown);
        assert_eq!(count, 1);
        assert!(shown.contains("/runs/k/lines/812") && shown.contains("<pre class=\"stack\""), "{shown}");
    }
}
