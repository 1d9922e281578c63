//! What a person reads: the sentence of every rule.

use super::{HOUR, MINUTE, SECOND, approval, beating, opened};
use crate::reducer::duration::duration;
use crate::reducer::event::ErrorText;
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::run::{Holder, Status};
use crate::reducer::verdict::world::{World, ago, fact};
use crate::reducer::verdict::{Learned, Word};

#[test]
fn every_sentence_reads_as_a_person_would_say_it() {
    let reason = |marker: Marker, text: &str| Marker { reason: Some(text.to_owned()), ..marker };
    let cases = [
        (
            beating(9, Some(4 * SECOND), 845 * SECOND),
            "Likely stuck: no line for 14 min 5 s; it usually writes every 4 s. Last line 50 at 21:59:15 UTC.",
        ),
        (World::running().alive(11 * MINUTE), "Likely stuck: no line for 11 min. Last line 50 at 22:02:20 UTC."),
        (
            World::running().alive(76 * HOUR),
            "No end seen: no line for 3 d 4 h, and the log does not say how it ended. \
             Last line 50 at 2023-11-11 18:13:20 UTC.",
        ),
        (
            World::running().untimed(Some(ago(12 * MINUTE))),
            "No signal: the log has no times, and its file has not changed for 12 min. Last line 50 at 22:01:20 UTC.",
        ),
        (World::running().untimed(None), "No signal: neither the log nor its file has a time."),
        (
            World::running().marked(reason(opened(MarkerKind::Stuck, 41, 0), "cannot reach the registry.")),
            "Likely stuck: it says that it is stuck: cannot reach the registry.",
        ),
        (
            World::running()
                .status(Status::NeedsHuman, 39)
                .with(|w| w.run.status_reason = fact(String::from("merge conflict"), 39))
                .marked(reason(opened(MarkerKind::Question, 41, 0), "Which branch?"))
                .marked(Marker {
                    action: Some(String::from("deploy")),
                    integration: Some(String::from("github")),
                    ..approval(None)
                }),
            "Waiting for you: it needs a person: merge conflict; it has a question: Which branch?; \
             it asks for approval to run `deploy` on `github`.",
        ),
        (
            World::running()
                .status(Status::NeedsHuman, 41)
                .marked(opened(MarkerKind::Handoff, 41, 0))
                .with(|w| w.run.holder = fact(Holder::Agent, 1)),
            "Waiting for you: it asks to hand over the wheel.",
        ),
        (
            World::running()
                .marked(opened(MarkerKind::Handoff, 41, 0))
                .with(|w| w.run.holder = fact(Holder::Other(String::from("ada")), 43)),
            "Waiting for you: ada has the wheel.",
        ),
        (
            World::running().in_phase("build", MINUTE).with(|w| w.run.last_progress_at = fact(ago(HOUR), 30)),
            "Likely stuck: lines come, but nothing has moved in phase build for 1 h; the limit is 30 min.",
        ),
        (
            World::running().with(|w| w.run.deadline = fact(ago(5 * MINUTE), 3)),
            "Past expectation: the deadline of the run passed 5 min ago.",
        ),
        (
            World::running().with(|w| w.run.expected_ms = fact(50 * MINUTE, 3)),
            "Past expectation: the run was expected to take 50 min, and that was over 10 min ago.",
        ),
        (
            World::running().status(Status::Queued, 1).with(|w| w.run.queued_at = fact(ago(6 * MINUTE), 1)),
            "Past expectation: queued for 6 min; the limit is 5 min.",
        ),
        (
            World::running()
                .in_phase("build", 16 * MINUTE)
                .with(|w| w.learned = Some(Learned { median_ms: 1, p90_ms: 14 * MINUTE, spans: 23 })),
            "Past expectation: phase build has taken 16 min; nine of ten earlier ones took at most 14 min \
             (23 were measured).",
        ),
        (
            World::running().with(|w| w.run.last_progress_at = fact(ago(12 * MINUTE), 3)).alive(4 * SECOND),
            "On track: last line 4 s ago, last progress 12 min ago.",
        ),
        (
            World::running().status(Status::Failed, 9).with(|w| {
                w.run.ended_at = fact(ago(HOUR - 723 * SECOND), 9);
                w.run.error =
                    fact(ErrorText { message: Some(String::from("tests failed")), ..ErrorText::default() }, 8);
            }),
            "No longer active: failed after 12 min 3 s: tests failed.",
        ),
        (World::running().status(Status::TimedOut, 9), "No longer active: timed out."),
    ];
    for (world, sentence) in cases {
        let verdict = world.judge();
        assert_eq!(verdict.sentence, sentence);
        let needs_nothing = matches!(verdict.word, Word::Ended | Word::Healthy);
        assert_eq!(verdict.clears.is_empty(), needs_nothing, "{verdict:?}");
        // What grows stands in the sentence, and every age that a person reads there is known to grow.
        let ages: Vec<String> = verdict.growing.iter().map(|age| duration(*age)).collect();
        assert!(ages.iter().all(|age| verdict.sentence.contains(age.as_str())), "{verdict:?}");
        let grows = ["no line for", "not changed for", " ago", "has taken", "queued for", "has moved"];
        assert_eq!(!ages.is_empty(), grows.iter().any(|words| sentence.contains(words)), "{verdict:?}");
    }
}
