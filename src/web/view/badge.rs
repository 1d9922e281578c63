//! The status badge and the verdict badge: hue, icon and word (spec 3, "one status badge, one verdict badge").

use maud::{Markup, html};

use super::icon::{Icon, icon};
use super::tone::{self, Tone};
use crate::query::Judged;
use crate::reducer::run::{Status, value};
use crate::reducer::span::SpanStatus;
use crate::reducer::verdict::{Rule, Word};

/// What the log says of a run. A run without an event has no status.
#[must_use]
pub fn status(status: Option<Status>) -> Markup {
    let (tone, drawing, word) = status.map_or((Tone::Quiet, Icon::Question, "no event yet"), tone::of_status);
    html! { span.badge.status.(tone.class()) { (icon(drawing)) (word) } }
}

/// How a run is going. The words are the verdict's own, on every surface the same (spec 2.6).
#[must_use]
pub fn verdict(word: Word, rule: Rule) -> Markup {
    let (tone, drawing) = tone::of_word(word);
    html! { span.badge.verdict.(tone.class()) data-verdict=(word.as_str()) { (icon(drawing)) (word.label(rule)) } }
}

/// How a run stands: how it ended, else how it is going.
#[must_use]
pub fn standing(judged: &Judged) -> Markup {
    match judged.verdict.rule {
        Rule::Ended => status(value(&judged.record.state.run.status).copied()),
        rule => verdict(judged.verdict.word, rule),
    }
}

/// How a span stands.
#[must_use]
pub fn span(status: SpanStatus) -> Markup {
    let (tone, drawing, word) = tone::of_span(status);
    html! { span.badge.status.(tone.class()) { (icon(drawing)) (word) } }
}

/// Anything else with a hue, an icon and a word.
#[must_use]
pub fn badge(tone: Tone, drawing: Icon, word: &str) -> Markup {
    html! { span.badge.status.(tone.class()) { (icon(drawing)) (word) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_has_an_icon_and_a_word_beside_its_hue() {
        for one in Status::ALL {
            let shown = status(Some(*one)).into_string();
            assert!(shown.contains("<svg") && shown.contains(&one.as_str().replace('_', " ")), "{shown}");
        }
        for word in Word::ALL {
            let shown = verdict(*word, Rule::Healthy).into_string();
            assert!(shown.contains("<svg") && shown.contains(word.label(Rule::Healthy)), "{shown}");
        }
    }
}
