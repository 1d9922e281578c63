//! Errors of a run with their stack traces, the newest first.

use maud::{Markup, html};

use super::text::cut;
use super::{amount, evidence, waterfall};
use crate::reducer::digest::error_line;
use crate::reducer::event::ErrorText;
use crate::reducer::excerpt::ERRORS as MOST;
use crate::reducer::run::RunState;

/// At most so many characters of a stack trace; its line has the rest.
const STACK: usize = 64 * 1024;

/// The run's error and those of its spans, of which so many have one; nothing when there are none. The state has the spans
/// with the newest.
#[must_use]
pub fn errors(key: &str, state: &RunState, of_spans: u64) -> Option<(u64, Markup)> {
    let mut all: Vec<(u64, Option<String>, &ErrorText)> = Vec::new();
    if let Some(error) = &state.run.error {
        all.push((error.line, None, &error.value));
    }
    let mut left_out = of_spans;
    for span in &state.spans {
        let (Some(line), Some(error)) = (error_line(span), &span.more.error) else { continue };
        left_out = left_out.saturating_sub(1);
        if !all.iter().any(|(at, _, _)| *at == line) {
            all.push((line, Some(format!("{} {}", span.kind, waterfall::name(span))), error));
        }
    }
    all.sort_by_key(|(line, _, _)| std::cmp::Reverse(*line));
    let count = all.len() as u64 + left_out;
    (count > 0).then(|| {
        let shown = html! {
            @for (line, place, error) in all.iter().take(MOST) { (one(key, *line, place.as_deref(), error)) }
            @if count > MOST as u64 { p.end { (amount::count(count)) ", showing the newest " (MOST) } }
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
            @if let Some(stack) = &error.stack { pre.stack tabindex="0" { (cut(stack, STACK)) } }
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
        let (count, shown) = errors("k", &state, 0).expect("has an error");
        let shown = shown.into_string();
        check_harmless(&shown);
        assert_eq!(count, 1);
        assert!(shown.contains("/runs/k/lines/812") && shown.contains("<pre class=\"stack\""), "{shown}");
    }
}
