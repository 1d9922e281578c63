//! Runs to judge, for the tests of this room: [`World`] is a healthy run that each test makes worse.

use super::{Learned, Observed, Policy, Verdict, judge};
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::run::{Fact, Health, Known, Run, Status};
use crate::reducer::span::{Origin, Seldom, Span, SpanKind, SpanStatus};
use crate::reducer::time::Micros;

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;

/// 2023-11-14T22:13:20Z.
pub(crate) const NOW: Micros = Micros(1_700_000_000_000_000);

/// A value and the line that set it.
pub(crate) fn fact<T>(value: T, line: u64) -> Known<T> {
    Some(Fact { value, line })
}

/// So many milliseconds before [`NOW`].
pub(crate) fn ago(ms: i64) -> Micros {
    NOW.plus_millis(-ms)
}

/// An open marker without a time.
pub(crate) fn marker(kind: MarkerKind, id: &str, opened_line: u64) -> Marker {
    Marker {
        kind,
        id: id.to_owned(),
        reason: None,
        span: None,
        repo: None,
        integration: None,
        action: None,
        risk: None,
        params: None,
        expires_at: None,
        opened_line,
        opened_at: None,
        granted_line: None,
        granted_at: None,
        closed_line: None,
        closed_at: None,
        resolution: None,
    }
}

/// An open span without a time.
pub(crate) fn span(kind: SpanKind, id: &str, opened_line: u64) -> Span {
    Span {
        kind,
        id: Some(id.into()),
        parent: None,
        name: None,
        status: SpanStatus::Open,
        attempt: None,
        cache_hit: None,
        started_at: None,
        ended_at: None,
        duration_ms: None,
        input_line: None,
        output_line: None,
        opened_line,
        closed_line: None,
        origin: Origin::default(),
        more: Seldom::default(),
    }
}

/// A run to judge: running for an hour, one line and progress a second ago, file and log of one mind.
pub(crate) struct World {
    pub(crate) run: Run,
    pub(crate) health: Health,
    pub(crate) spans: Vec<Span>,
    pub(crate) markers: Vec<Marker>,
    pub(crate) has_work: bool,
    pub(crate) learned: Option<Learned>,
    pub(crate) status_at: Option<Micros>,
    pub(crate) modified: Option<Micros>,
    pub(crate) policy: Policy,
}

/// Lines of [`World::running`].
pub(super) const STATUS: u64 = 1;
pub(super) const PROGRESS: u64 = 40;
pub(super) const LAST: u64 = 50;

impl World {
    pub(crate) fn running() -> Self {
        let run = Run {
            status: fact(Status::Running, STATUS),
            first_event_at: fact(ago(HOUR), 1),
            started_at: fact(ago(HOUR), 1),
            last_progress_at: fact(ago(SECOND), PROGRESS),
            ..Run::default()
        };
        let world = Self {
            run,
            health: Health { last_line: LAST, last_line_timed: true, ..Health::default() },
            spans: Vec::new(),
            markers: Vec::new(),
            has_work: true,
            learned: None,
            status_at: None,
            modified: None,
            policy: Policy::default(),
        };
        world.alive(SECOND)
    }

    /// The last line was written and timed so long ago.
    pub(crate) fn alive(mut self, ms: i64) -> Self {
        self.run.last_life_at = fact(ago(ms), LAST);
        self.modified = Some(ago(ms));
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn status(self, status: Status, line: u64) -> Self {
        self.with(|w| w.run.status = fact(status, line))
    }

    pub(crate) fn marked(self, marker: Marker) -> Self {
        self.with(|w| w.markers.push(marker))
    }

    /// Without any time in the log.
    pub(super) fn untimed(self, modified: Option<Micros>) -> Self {
        self.with(|w| {
            w.run = Run { status: w.run.status.clone(), ..Run::default() };
            w.health.last_line_timed = false;
            w.modified = modified;
        })
    }

    pub(super) fn in_phase(self, name: &str, started: i64) -> Self {
        self.with(|w| {
            w.run.phase = fact(name.to_owned(), 30);
            w.spans.push(Span { started_at: Some(ago(started)), ..span(SpanKind::Phase, name, 30) });
        })
    }

    pub(crate) fn observed(&self) -> Observed<'_> {
        Observed {
            run: &self.run,
            health: &self.health,
            spans: &self.spans,
            markers: &self.markers,
            has_work: self.has_work,
            learned: self.learned,
            status_at: self.status_at,
            modified: self.modified,
            now: NOW,
        }
    }

    pub(crate) fn judge(&self) -> Verdict {
        judge(&self.observed(), &self.policy)
    }
}
