//! The rows of the table in spec 2.6, one function each, in its order. The first that applies decides.

use super::case::Case;
use super::clocks::{age_ms, longer};
use super::phrase::{asks, because, rhythm, sentence, span_name};
use super::{Rule, Verdict, Word};
use crate::reducer::duration::duration;
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::run::{Known, Status, value};
use crate::reducer::time::Micros;

/// One row: its verdict when it applies.
pub(super) type Row = for<'a> fn(&Case<'a>) -> Option<Verdict>;

/// All rows but *healthy*, in the order of the spec.
pub(super) const ROWS: [Row; 12] = [
    ended,
    abandoned,
    stuck_marker,
    waiting,
    heartbeat_lost,
    no_signal,
    silent,
    no_progress,
    deadline,
    expected,
    queued,
    phase,
];

/// A sentence names so many causes; of more it says how many.
const CAUSES: usize = 10;

fn line<T>(known: &Known<T>) -> Option<u64> {
    known.as_ref().map(|fact| fact.line)
}

fn ended(case: &Case<'_>) -> Option<Verdict> {
    let run = case.observed.run;
    let status = case.status().filter(|status| status.is_ended())?;
    let ended = value(&run.ended_at).copied();
    let took = ended.zip(value(&run.started_at).copied()).and_then(|(ended, started)| ended.millis_since(started));
    let how = match status {
        Status::TimedOut => "timed out",
        other => other.as_str(),
    };
    let mut text = String::with_capacity(40);
    text.push_str(how);
    if let Some(took) = took {
        text.push_str(" after ");
        text.push_str(&duration(took));
    }
    let why = match status {
        Status::Failed | Status::TimedOut => super::why_it_ended(run),
        _ => None,
    };
    let verdict = case.verdict(Word::Ended, Rule::Ended, &sentence(because(text, why)));
    // An end without a time was seen, at the latest, when the log was last alive.
    Some(verdict.since(ended.or(case.clocks.life)).proved_by([line(&run.status)]))
}

fn abandoned(case: &Case<'_>) -> Option<Verdict> {
    let waits = case.is(Status::NeedsHuman) || case.waiting_markers().next().is_some();
    let limit = if waits { case.attention_ms } else { case.limits.abandon_ms };
    if !case.clocks.silent_for(limit) {
        return None;
    }
    let silence = duration(case.clocks.silence_ms());
    let text = format!("no line for {silence}, and the log does not say how it ended.{}", case.last_line());
    Some(
        case.verdict(Word::Unknown, Rule::Abandoned, &text)
            .growing([case.clocks.silence_ms()])
            .since(case.clocks.life)
            .limit(limit)
            .proved_by([Some(case.observed.health.last_line)])
            .cleared_by("Any new line clears this."),
    )
}

fn stuck_marker(case: &Case<'_>) -> Option<Verdict> {
    let markers: Vec<&Marker> = case.open_markers().filter(|marker| marker.kind == MarkerKind::Stuck).collect();
    let first = markers.first()?;
    let clears = if first.id == "-" {
        "An event that says it is unblocked, or the next phase, attempt or run start clears this."
    } else {
        "An event that says it is unblocked clears this."
    };
    Some(
        case.verdict(Word::Stuck, Rule::StuckMarker, &sentence(asks(first, None)))
            .since(first.opened_at)
            .proved_by(markers.iter().map(|marker| Some(marker.opened_line)))
            .cleared_by(clears),
    )
}

fn waiting(case: &Case<'_>) -> Option<Verdict> {
    let run = case.observed.run;
    let needs_human = case.is(Status::NeedsHuman);
    let markers: Vec<&Marker> = case.waiting_markers().collect();
    if !needs_human && markers.is_empty() {
        return None;
    }
    let holder = value(&run.holder);
    let mut causes: Vec<String> = markers.iter().map(|marker| asks(marker, holder)).collect();
    // A needs-human word opens a handoff on the same line, which says it better.
    if needs_human && !markers.iter().any(|marker| Some(marker.opened_line) == line(&run.status)) {
        let reason = value(&run.status_reason).map(String::as_str);
        causes.insert(0, because("it needs a person", reason));
    }
    if causes.len() > CAUSES {
        let more = causes.split_off(CAUSES).len();
        causes.push(format!("and {more} more"));
    }
    let began = markers.iter().filter_map(|marker| marker.opened_at);
    let since = began.chain(case.observed.needs_human_since().filter(|_| needs_human)).min();
    Some(
        case.verdict(Word::Waiting, Rule::Waiting, &sentence(causes.join("; ")))
            .since(since)
            .proved_by(
                markers
                    .iter()
                    .map(|marker| Some(marker.opened_line))
                    .chain([line(&run.status).filter(|_| needs_human)]),
            )
            .cleared_by("The answer, once the log shows it, clears this."),
    )
}

fn heartbeat_lost(case: &Case<'_>) -> Option<Verdict> {
    let run = case.observed.run;
    let limit = case.heartbeat_limit_ms();
    let beats = value(&run.heartbeats).is_some_and(|beats| *beats >= 2);
    if !case.is(Status::Running) || !beats || !case.clocks.silent_for(limit) {
        return None;
    }
    Some(no_line(case, Rule::HeartbeatLost, limit, line(&run.last_heartbeat_at)))
}

fn silent(case: &Case<'_>) -> Option<Verdict> {
    let limit = case.silence_limit_ms();
    if !case.is(Status::Running) || !case.clocks.silent_for(limit) {
        return None;
    }
    Some(no_line(case, Rule::Silent, limit, None))
}

fn no_line(case: &Case<'_>, rule: Rule, limit: i64, heartbeat: Option<u64>) -> Verdict {
    let silence = duration(case.clocks.silence_ms());
    let rhythm = rhythm(value(&case.observed.run.heartbeat_interval_ms).copied());
    case.verdict(Word::Stuck, rule, &format!("no line for {silence}{rhythm}.{}", case.last_line()))
        .growing([case.clocks.silence_ms()])
        .since(case.clocks.life)
        .limit(limit)
        .proved_by([Some(case.observed.health.last_line), heartbeat])
        .cleared_by("Any new line clears this.")
}

fn no_signal(case: &Case<'_>) -> Option<Verdict> {
    let limit = case.silence_limit_ms();
    if case.observed.run.last_life_at.is_some() {
        return None;
    }
    let text = match case.clocks.life {
        Some(_) if !case.clocks.silent_for(limit) => return None,
        Some(_) => {
            let silence = duration(case.clocks.silence_ms());
            format!("the log has no times, and its file has not changed for {silence}.{}", case.last_line())
        }
        None => String::from("neither the log nor its file has a time."),
    };
    Some(
        case.verdict(Word::Unknown, Rule::NoSignal, &text)
            .growing(case.clocks.life.map(|_| case.clocks.silence_ms()))
            .since(case.clocks.life)
            .limit(limit)
            .proved_by([Some(case.observed.health.last_line)])
            .cleared_by("Any new line clears this."),
    )
}

fn no_progress(case: &Case<'_>) -> Option<Verdict> {
    let run = case.observed.run;
    let limit = case.progress_limit_ms();
    let progress = value(&run.last_progress_at).copied()?;
    if !case.is(Status::Running) || !case.observed.has_work || !longer(progress, case.clocks.log, limit) {
        return None;
    }
    let age = age_ms(progress, case.clocks.log);
    let still = duration(age);
    let place = case.open_phase().map_or_else(String::new, |span| format!(" in {}", span_name(span)));
    let text = format!("lines come, but nothing has moved{place} for {still}; the limit is {}.", duration(limit));
    Some(
        case.verdict(Word::Stuck, Rule::NoProgress, &text)
            .growing([age])
            .since(Some(progress))
            .limit(limit)
            .proved_by([line(&run.last_progress_at), Some(case.observed.health.last_line)])
            .cleared_by("Any progress clears this: a phase, step, attempt, score or artifact."),
    )
}

/// One thing that should have ended by a moment: the run, or one of its open spans.
struct Due {
    /// `the run`, or the span's name.
    what: String,
    at: Micros,
    limit_ms: Option<i64>,
    line: Option<u64>,
}

/// The verdict of what was due first, if anything is past it.
fn overdue(case: &Case<'_>, rule: Rule, dues: impl Iterator<Item = Due>) -> Option<Verdict> {
    let first = dues.filter(|due| case.clocks.log > due.at).min_by_key(|due| due.at)?;
    let age = age_ms(first.at, case.clocks.log);
    let over = duration(age);
    let what = &first.what;
    let text = match first.limit_ms {
        None => format!("the deadline of {what} passed {over} ago."),
        Some(limit) => format!("{what} was expected to take {}, and that was over {over} ago.", duration(limit)),
    };
    let mut verdict = case
        .verdict(Word::Late, rule, &text)
        .growing([age])
        .since(Some(first.at))
        .proved_by([first.line])
        .cleared_by(format!("The end of {what}, or a later expectation of its own, clears this."));
    verdict.limit_ms = first.limit_ms;
    Some(verdict)
}

fn deadline(case: &Case<'_>) -> Option<Verdict> {
    let of_run = case.observed.run.deadline.iter().map(|fact| Due {
        what: String::from("the run"),
        at: fact.value,
        limit_ms: None,
        line: Some(fact.line),
    });
    let of_spans = case.open_spans().filter_map(|span| {
        let at = span.more.deadline?;
        Some(Due { what: span_name(span), at, limit_ms: None, line: Some(span.opened_line) })
    });
    overdue(case, Rule::Deadline, of_run.chain(of_spans))
}

fn expected(case: &Case<'_>) -> Option<Verdict> {
    let run = case.observed.run;
    let began = value(&run.started_at).filter(|_| !case.is(Status::Queued));
    let of_run = run.expected_ms.iter().zip(began).map(|(fact, began)| Due {
        what: String::from("the run"),
        at: began.plus_millis(fact.value),
        limit_ms: Some(fact.value),
        line: Some(fact.line),
    });
    let of_spans = case.open_spans().filter_map(|span| {
        let limit = span.more.expected_ms?;
        let at = span.started_at?.plus_millis(limit);
        Some(Due { what: span_name(span), at, limit_ms: Some(limit), line: Some(span.opened_line) })
    });
    overdue(case, Rule::Expected, of_run.chain(of_spans))
}

fn queued(case: &Case<'_>) -> Option<Verdict> {
    let fact = case.observed.run.queued_at.as_ref().filter(|_| case.is(Status::Queued))?;
    let limit = case.limits.queue_ms;
    if !longer(fact.value, case.clocks.log, limit) {
        return None;
    }
    let age = age_ms(fact.value, case.clocks.log);
    let waited = duration(age);
    let text = format!("queued for {waited}; the limit is {}.", duration(limit));
    Some(
        case.verdict(Word::Late, Rule::Queued, &text)
            .growing([age])
            .since(Some(fact.value.plus_millis(limit)))
            .limit(limit)
            .proved_by([Some(fact.line)])
            .cleared_by("The start of the run clears this."),
    )
}

fn phase(case: &Case<'_>) -> Option<Verdict> {
    let span = case.open_phase()?;
    let began = span.started_at?;
    let limit = case.limits.phase_ms.or_else(|| case.learned_ms())?;
    if !longer(began, case.clocks.log, limit) {
        return None;
    }
    let name = span_name(span);
    let age = age_ms(began, case.clocks.log);
    let taken = duration(age);
    let text = match case.observed.learned.filter(|_| case.limits.phase_ms.is_none()) {
        Some(learned) => format!(
            "{name} has taken {taken}; nine of ten earlier ones took at most {} ({} were measured).",
            duration(limit),
            learned.spans,
        ),
        None => format!("{name} has taken {taken}; it may take {}.", duration(limit)),
    };
    Some(
        case.verdict(Word::Late, Rule::Phase, &text)
            .growing([age])
            .since(Some(began.plus_millis(limit)))
            .limit(limit)
            .proved_by([Some(span.opened_line)])
            .cleared_by(format!("The end of {name} clears this.")),
    )
}

/// The last row: no other one applied.
pub(super) fn healthy(case: &Case<'_>) -> Verdict {
    let run = case.observed.run;
    let silence = case.clocks.life.map(|_| case.clocks.silence_ms());
    let still = value(&run.last_progress_at).map(|at| age_ms(*at, case.clocks.log));
    let life = silence.map(|age| format!("last line {} ago", duration(age)));
    let progress = still.map(|age| format!("last progress {} ago", duration(age)));
    let text = match (case.status(), life, progress) {
        (None, _, _) => String::from("nothing was written yet"),
        (Some(_), Some(life), Some(progress)) => format!("{life}, {progress}"),
        (Some(_), Some(only), None) | (Some(_), None, Some(only)) => only,
        (Some(_), None, None) => String::from("no limit is passed"),
    };
    let text = match case.status() {
        Some(Status::Queued) => format!("queued; {text}."),
        _ => format!("{text}."),
    };
    case.verdict(Word::Healthy, Rule::Healthy, &text)
        .growing(silence.into_iter().chain(still))
        .proved_by([line(&run.last_progress_at), Some(case.observed.health.last_line)])
}
