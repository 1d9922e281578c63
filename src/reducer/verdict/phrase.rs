//! The small parts that sentences are made of: excerpts of log text, names of spans, times.
//!
//! What a log wrote is hostile here as everywhere: it is cut short and put on one line, and each sink escapes it.

use crate::reducer::duration::duration;
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::run::Holder;
use crate::reducer::span::Span;
use crate::reducer::time::Micros;

/// How many characters of log text a sentence quotes.
const EXCERPT: usize = 160;

/// The beginning of a text on one line, without the full stop at its end; `None` when nothing is left.
pub(in crate::reducer) fn excerpt(text: &str) -> Option<String> {
    let mut line = String::new();
    // Words are joined until there are enough characters: a reason can have megabytes.
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().take(EXCERPT + 1));
        if line.chars().count() > EXCERPT {
            let mut cut: String = line.chars().take(EXCERPT).collect();
            cut.push('…');
            return Some(cut);
        }
    }
    let line = line.trim_end_matches('.');
    (!line.is_empty()).then(|| line.to_owned())
}

/// `what`, or `what: why` when the log gave a reason.
pub(in crate::reducer) fn because(what: impl Into<String>, why: Option<&str>) -> String {
    let mut text = what.into();
    if let Some(why) = why.and_then(excerpt) {
        text.push_str(": ");
        text.push_str(&why);
    }
    text
}

/// The text with a full stop, unless it ends in a mark of its own.
pub(in crate::reducer) fn sentence(mut text: String) -> String {
    if !text.ends_with(['.', '?', '!', '…']) {
        text.push('.');
    }
    text
}

/// What an approval is asked for: "run `deploy` on `github`", as far as the log said.
pub(in crate::reducer) fn approval(marker: &Marker) -> String {
    let action = marker.action.as_deref().and_then(excerpt);
    let integration = marker.integration.as_deref().and_then(excerpt);
    match (action, integration) {
        (Some(action), Some(integration)) => format!("run `{action}` on `{integration}`"),
        (Some(action), None) => format!("run `{action}`"),
        (None, Some(integration)) => format!("act on `{integration}`"),
        (None, None) if marker.id == "-" => String::from("go on"),
        (None, None) => format!("go on with `{}`", excerpt(&marker.id).unwrap_or_default()),
    }
}

/// What a handoff is about: the wheel is asked to be taken, or somebody has it.
pub(in crate::reducer) fn handoff(holder: Option<&Holder>) -> String {
    match holder {
        Some(Holder::Other(name)) => format!("{} has the wheel", excerpt(name).unwrap_or_default()),
        Some(Holder::Agent) | None => String::from("it asks to hand over the wheel"),
    }
}

/// What a marker asks of a person, as the rest of a sentence about the run.
pub(super) fn asks(marker: &Marker, holder: Option<&Holder>) -> String {
    let reason = marker.reason.as_deref();
    match marker.kind {
        MarkerKind::Handoff => because(handoff(holder), reason),
        MarkerKind::Question => because("it has a question", reason),
        MarkerKind::Approval => because(format!("it asks for approval to {}", approval(marker)), reason),
        MarkerKind::Stuck => because("it says that it is stuck", reason),
        MarkerKind::Queue => because("it waits in a queue", reason),
    }
}

/// `phase build`, `step lint`, or only the kind when the span has neither id nor name.
pub(super) fn span_name(span: &Span) -> String {
    let name = span.name.as_deref().or(span.id.as_deref()).and_then(excerpt);
    match name {
        Some(name) => format!("{} {name}", span.kind),
        None => span.kind.to_string(),
    }
}

/// `Last line 812 at 12:03:11 UTC.`, with the date when that is a day or more ago; empty without a line.
pub(super) fn last_line(line: u64, at: Option<Micros>, now: Micros) -> String {
    match (line, at) {
        (0, _) => String::new(),
        (_, None) => format!(" Last line {line}."),
        (_, Some(at)) => format!(" Last line {line} at {}.", clock(at, now)),
    }
}

/// A time of day in UTC, with its date when it is a day or more before `now`.
fn clock(at: Micros, now: Micros) -> String {
    let text = at.to_rfc3339();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    let time = time.get(..8).unwrap_or(time);
    if now.millis_since(at).is_some_and(|age| age < 86_400_000) {
        format!("{time} UTC")
    } else {
        format!("{date} {time} UTC")
    }
}

/// `; it usually writes every 4 s` where the rhythm is known.
pub(super) fn rhythm(interval_ms: Option<i64>) -> String {
    interval_ms.map_or_else(String::new, |ms| format!("; it usually writes every {}", duration(ms)))
}

#[cfg(test)]
mod tests {
    use super::{clock, excerpt};
    use crate::reducer::time::Micros;

    #[test]
    fn log_text_in_a_sentence_is_one_short_line() {
        let cases = [
            ("", None),
            (" \n\0 ", None),
            ("...", None),
            ("Which branch?", Some("Which branch?")),
            ("tests failed.\n\tsee log\u{1b}[0m.", Some("tests failed. see log [0m")),
        ];
        for (text, wanted) in cases {
            assert_eq!(excerpt(text).as_deref(), wanted, "{text:?}");
        }
        let long = excerpt(&"é".repeat(10_000)).unwrap_or_default();
        assert_eq!(long.chars().count(), 161);
        assert!(long.ends_with('…'));
        assert_eq!(excerpt(&"é".repeat(160)).unwrap_or_default().chars().count(), 160);
    }

    #[test]
    fn a_time_a_day_ago_has_its_date() {
        let at = Micros(1_700_000_000_000_000);
        assert_eq!(clock(at, at), "22:13:20 UTC");
        assert_eq!(clock(at, at.plus_millis(86_399_999)), "22:13:20 UTC");
        assert_eq!(clock(at, at.plus_millis(86_400_000)), "2023-11-14 22:13:20 UTC");
    }
}
