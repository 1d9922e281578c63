//! "How it is going": the verdict with its rule, limit, evidence and what would clear it, before any diagnostics.

use maud::{Markup, html};

use super::text::text;
use super::{badge, evidence, time, tone};
use crate::query::Judged;
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
            p.verdict { (badge::verdict(verdict.word, verdict.rule)) " " span.sentence { (text(&beside_badge(verdict))) } }
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

/// The sentence without the words that the badge beside it says already.
#[must_use]
pub fn beside_badge(verdict: &Verdict) -> String {
    let label = verdict.word.label(verdict.rule);
    let sentence = verdict.sentence.as_str();
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
        let mut verdict = judged().verdict;
        for (sentence, shown) in [
            ("On track: last line 4 s ago.", "Last line 4 s ago."),
            ("on track", "on track"),
            ("On trackside: x", "On trackside: x"),
            ("äöüäöü: x", "äöüäöü: x"),
        ] {
            verdict.sentence = sentence.to_owned();
            assert_eq!(beside_badge(&verdict), shown);
        }
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
