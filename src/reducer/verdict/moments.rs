//! When a verdict can change although nothing is written: the moments at which limits pass. One for every comparison
//! with a clock in `rows`.

use super::case::Case;
use super::{Observed, Policy};
use crate::reducer::run::value;
use crate::reducer::span::SpanKind;
use crate::reducer::time::Micros;

/// The moments, unordered, also such as are over already. At each of them, and at none between two, a run that nothing
/// more is written of may get another verdict.
#[must_use]
pub fn moments(observed: &Observed<'_>, policy: &Policy) -> Vec<Micros> {
    let case = Case::of(observed, policy);
    let run = observed.run;
    let limits = &case.limits;
    let mut found = Vec::new();
    if let Some(life) = case.clocks.life {
        let silences = [limits.abandon_ms, case.attention_ms, case.heartbeat_limit_ms(), case.silence_limit_ms()];
        found.extend(silences.map(|limit| past(life.plus_millis(limit))));
    }
    found.extend(case.open_markers().filter_map(|marker| marker.expires_at));

    // The rest is measured against the log's own clock, which runs beside the present.
    let ahead = observed.now.0.saturating_sub(case.clocks.log.0);
    let mut by_log = Vec::new();
    by_log.extend(value(&run.last_progress_at).map(|at| at.plus_millis(case.progress_limit_ms())));
    by_log.extend(value(&run.queued_at).map(|at| at.plus_millis(limits.queue_ms)));
    by_log.extend(value(&run.deadline));
    by_log.extend(value(&run.started_at).zip(value(&run.expected_ms)).map(|(at, limit)| at.plus_millis(*limit)));
    let phase_ms = limits.phase_ms.or_else(|| case.learned_ms());
    for span in case.open_spans() {
        by_log.extend(span.more.deadline);
        by_log.extend(span.started_at.zip(span.more.expected_ms).map(|(at, limit)| at.plus_millis(limit)));
        let phase_ms = phase_ms.filter(|_| span.kind == SpanKind::Phase);
        by_log.extend(span.started_at.zip(phase_ms).map(|(at, limit)| at.plus_millis(limit)));
    }
    found.extend(by_log.into_iter().map(|at| past(Micros(at.0.saturating_add(ahead)))));
    found
}

/// Limits are passed *after* their moment.
fn past(at: Micros) -> Micros {
    Micros(at.0.saturating_add(1))
}
