//! Small plain values for the tests of components.

use crate::query::Judged;
use crate::reducer::run::{Fact, RunState, Status};
use crate::reducer::span::{Span, SpanKind, SpanStatus};
use crate::reducer::time::Micros;
use crate::reducer::verdict::{Rule, Verdict, Word, world};
use crate::store::{LogRow, RunRecord};

/// The present of the tests: 2027-01-15 08:00:00 UTC.
pub(crate) const NOW: Micros = Micros(1_800_000_000_000_000);

/// Text that must come out harmless wherever it is shown.
pub(crate) const EVIL: &str = "</bdi><script>alert(1)</script>\" onload=\"x\u{202e}";

/// A phase span of a minute.
pub(crate) fn phase(id: &str, status: SpanStatus, line: u64) -> Span {
    span(SpanKind::Phase, id, status, line)
}

/// A span that began a minute before [`NOW`].
pub(crate) fn span(kind: SpanKind, id: &str, status: SpanStatus, line: u64) -> Span {
    let ended = status != SpanStatus::Open;
    Span {
        status,
        attempt: Some(1),
        started_at: Some(NOW.plus_millis(-60_000)),
        ended_at: ended.then_some(NOW),
        duration_ms: ended.then_some(60_000),
        closed_line: ended.then_some(line + 1),
        ..world::span(kind, id, line)
    }
}

/// A running run, on track, whose every text is hostile.
pub(crate) fn judged() -> Judged {
    let mut state = RunState::default();
    let run = &mut state.run;
    let said = |line| Some(Fact { value: EVIL.to_owned(), line });
    run.title = said(1);
    run.workflow = said(1);
    run.phase = said(2);
    run.candidate = said(3);
    run.status_reason = said(4);
    run.claimed_by = said(4);
    run.status = Some(Fact { value: Status::Running, line: 1 });
    run.started_at = Some(Fact { value: NOW.plus_millis(-90_000), line: 1 });
    run.last_life_at = Some(Fact { value: NOW.plus_millis(-4_000), line: 9 });
    run.last_progress_at = Some(Fact { value: NOW.plus_millis(-30_000), line: 7 });
    state.spans = vec![phase(EVIL, SpanStatus::Open, 2)];
    let log = LogRow { key: String::from("a/b"), path: EVIL.to_owned(), ..LogRow::default() };
    let record = RunRecord {
        number: 1,
        key: String::from("a/b"),
        version: 1,
        state: state.into(),
        log: log.into(),
        modified: Some(NOW),
        retried_by: None,
    };
    let verdict = Verdict {
        word: Word::Healthy,
        rule: Rule::Healthy,
        since: None,
        limit_ms: None,
        sentence: format!("On track: {EVIL}"),
        evidence: vec![9],
        growing: Vec::new(),
        clears: String::new(),
    };
    Judged { record, verdict, attention: Vec::new() }
}

/// Fails when hostile text came through, or when the policy of spec 5.3 would be broken by the markup.
pub(crate) fn check_harmless(markup: &str) {
    for forbidden in ["<script>alert", "\u{202e}", " style=", " onload=\"x", "javascript:", " onclick="] {
        assert!(!markup.contains(forbidden), "{forbidden:?} is in {markup}");
    }
}
