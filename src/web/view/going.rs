//! "How it is going": the verdict with its rule, limit, evidence and what would clear it, before any diagnostics.

use maud::{Markup, html};

use super::text::text;
use super::{badge, evidence, time, tone};
use crate::query::Judged;
use crate::reducer::duration::duration;
use crate::reducer::time::Micros;
use crate::reducer::verdict::Verdict;

/// The panel.
#[must_use]
pub fn going(judged: &Judged, now: Micros) -> Markup {
    let verdict = &judged.verdict;
    let (tone, _) = tone::of_word(verdict.word);
    html! {
        section #going .going.(tone.class()) aria-labelledby="going-h" {
            h2 #going-h .sr { "How it is going" }
            p.verdict { (badge::verdict(verdict.word, verdict.rule)) " " span.sentence { (sentence(verdict, now)) } }
            dl.why {
                div { dt { "rule" } dd { (verdict.rule.as_str().replace('_', " ")) } }
                @if let Some(limit) = verdict.limit_ms { div { dt { "limit" } dd { (time::took(limit)) } } }
                @if let Some(at) = verdict.since { div { dt { "since" } dd { (time::ago(at, now)) } } }
                @if !verdict.evidence.is_empty() {
                    div { dt { "evidence" } dd { (evidence::lines(&judged.record.key, &verdict.evidence)) } }
                }
                @if !verdict.clears.is_empty() { div { dt { "clears when" } dd { (text(&verdict.clears)) } } }
            }
        }
    }
}

/// The sentence without the words that the badge beside it says already. Ages in it tick.
#[must_use]
pub fn sentence(verdict: &Verdict, now: Micros) -> Markup {
    ticking(&beside(verdict.word.label(verdict.rule), &verdict.sentence), &verdict.growing, now)
}

/// A sentence in which these ages stand, in this order, and go on growing.
#[must_use]
pub fn ticking(sentence: &str, growing: &[i64], now: Micros) -> Markup {
    let mut rest = sentence;
    let mut pieces = Vec::new();
    for age in growing {
        if let Some((before, after)) = rest.split_once(&duration(*age)) {
            pieces.push((before, now.plus_millis(age.saturating_neg())));
            rest = after;
        }
    }
    html! {
        // By the clock of this machine, whatever the log's own says.
        @for (before, from) in pieces { (text(before)) span data-skew="0" { (time::elapsed(from, now)) } }
        (text(rest))
    }
}

/// The sentence without what is said beside it already.
#[must_use]
pub fn beside(label: &str, sentence: &str) -> String {
    let rest = sentence.get(label.len()..).and_then(|rest| rest.strip_prefix(": "));
    let Some(rest) = rest.filter(|_| sentence[..label.len()].eq_ignore_ascii_case(label)) else {
        return sentence.to_owned();
    };
    let mut characters = rest.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::super::sample::{NOW, check_harmless, judged};
    use super::*;

    #[test]
    fn the_sentence_does_not_repeat_the_badge() {
        for (sentence, shown) in [
            ("On track: last line 4 s ago.", "Last line 4 s ago."),
            ("on track", "on track"),
            ("On trackside: x", "On trackside: x"),
            ("äöüäöü: x", "äöüäöü: x"),
        ] {
            assert_eq!(beside("on track", sentence), shown);
        }
    }

    #[test]
    fn ages_in_a_sentence_tick() {
        let shown = ticking("Last line 4 s ago, last progress 12 min 5 s ago.", &[4_200, 725_000], NOW).into_string();
        let times: Vec<&str> =
            shown.split("<time ").skip(1).filter_map(|part| part.split_once('>')?.1.split('<').next()).collect();
        assert_eq!(times, ["4\u{a0}s", "12\u{a0}min 5\u{a0}s"], "{shown}");
        assert!(shown.contains("datetime=\"2027-01-15T07:59:55.800000Z\"") && shown.contains("Last line "), "{shown}");
        check_harmless(&ticking(super::super::sample::EVIL, &[4_200], NOW).into_string());
    }

    #[test]
    fn the_panel_has_the_rule_and_the_lines_that_prove_it() {
        let mut run = judged();
        run.verdict.limit_ms = Some(600_000);
        run.verdict.clears = String::from("any new line");
        let shown = going(&run, NOW).into_string();
        check_harmless(&shown);
        for part in ["on track", "healthy", "10\u{a0}min", "/runs/a%2Fb/lines/9", "any new line"] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
    }
}
