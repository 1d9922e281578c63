//! The rules of spec 2.2 and 2.7: `state after line n = fold(state after line n-1, events of line n)`.
//!
//! Pure, total and cheap. It must never know a clock, a file or how a line was written. One file per group of rules;
//! this one holds their order.

mod absent;
mod fields;
mod index;
mod markers;
mod spans;
mod status;
mod usage;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

pub use absent::{Absent, AtHand, Mark, UNMARKED, Wanted, marks};
pub use fields::phase_word;
pub use index::Index;

use super::dialect::{Decoded, LineClass};
use super::event::{Class, ErrorText, Event, Level, Subject, Text, Verb};
use super::run::{MAX_NAMES, OTHER_NAMES, RunState, Status, set, set_text, value};
use super::span::{Artifact, SpanKind};
use super::time::Micros;

/// How many positive heartbeat intervals the median is taken of (spec 2.1).
const HEARTBEAT_INTERVALS: usize = 64;

/// What the fold needs beyond what is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scratch {
    /// A *run started* was seen: the implied start of rule 3 can no longer be taken back.
    start_seen: bool,
    /// The last positive intervals between heartbeats, in microseconds, the newest last.
    pub(super) heartbeat_intervals: VecDeque<i64>,
    /// The last ids whose usage a dialect may say again, the newest last.
    said: VecDeque<usage::Said>,
}

/// One event on its way through the rules.
struct Fold<'s, 'e> {
    state: &'s mut RunState,
    event: &'e Event<'e>,
    /// The status before the event (rule 10, *starts a phase, step or session*).
    before: Option<Status>,
    /// A status was set by the event itself (rules 7 and 10).
    status_set: bool,
    /// The event put the run into phase `done` (rule 5).
    done: bool,
    /// Something counted as progress (rule 12).
    progress: bool,
    /// The span that the event opened, closed or names (2.7, usage).
    touched: Option<u32>,
    /// The kinds of spans that the event opened: what *starts a phase* means in rules 7 and 10.
    opened: [bool; SpanKind::ALL.len()],
}

/// Applies one event (rules 1 to 12), in the order in which events stand in the log.
pub fn apply(state: &mut RunState, event: &Event<'_>) {
    let before = value(&state.run.status).copied();
    let mut fold = Fold {
        state,
        event,
        before,
        status_set: false,
        done: false,
        progress: false,
        touched: None,
        opened: Default::default(),
    };
    fold.count();
    fold.live();
    if fold.is_over() {
        fold.usage();
        fold.artifacts();
        fold.errors();
        return;
    }
    fold.run_by_itself();
    fold.fields();
    fold.values();
    fold.spans();
    fold.usage();
    fold.markers();
    fold.artifacts();
    fold.errors();
    fold.status();
    fold.end();
    fold.progress();
}

/// Counts the line that the events came from (rule 1, the log's health). Called once per physical line, after its
/// events; `timed` says that one of them has a time (spec 2.7, Bounds).
pub fn end_line(state: &mut RunState, number: u64, decoded: &Decoded<'_>, timed: bool) {
    let lines = &mut state.counters.lines;
    match decoded.class {
        LineClass::Event => lines.event += 1,
        LineClass::Text => lines.text += 1,
        LineClass::Malformed => lines.malformed += 1,
        LineClass::Oversized => lines.oversized += 1,
        LineClass::Blank => lines.blank += 1,
    }
    let health = &mut state.health;
    match decoded.class {
        LineClass::Blank => return,
        LineClass::Malformed => health.malformed.add(number),
        LineClass::Oversized => health.oversized.add(number),
        LineClass::Event | LineClass::Text => {}
    }
    health.last_line = number;
    health.last_line_timed = timed;
    health.bad_times.add_many(decoded.bad_times.into(), number);
    health.wrong_types.add_many(decoded.wrong_types.into(), number);
    health.duplicate_keys.add_many(decoded.duplicate_keys.into(), number);
    health.unread_elements.add_many(decoded.unread_elements.into(), number);
    health.dialects.add(decoded.dialect, usize::MAX, decoded.dialect);
}

impl Fold<'_, '_> {
    fn is(&self, subject: Subject) -> bool {
        self.event.meaning.subject == Some(subject)
    }

    /// Whether the event opened a span of one of these kinds.
    fn opens(&self, kinds: &[SpanKind]) -> bool {
        kinds.iter().any(|kind| self.opened[*kind as usize])
    }

    fn verb(&self) -> Option<Verb> {
        self.event.meaning.verb
    }

    /// The four subjects that rule 6 is about.
    fn is_span_event(&self) -> bool {
        matches!(self.event.meaning.subject, Some(Subject::Step | Subject::Session | Subject::Tool | Subject::Span))
    }

    /// Rule 1: levels, names, the first time. Line classes are counted by [`end_line`].
    fn count(&mut self) {
        let Self { state, event, .. } = self;
        state.counters.events += 1;
        if let Some(level) = event.level {
            state.counters.levels[level as usize] += 1;
        }
        if let Some(name) = event.name {
            state.counters.names.add(name, MAX_NAMES, OTHER_NAMES);
        }
        match event.time {
            Some(time) if state.run.first_event_at.is_none() => {
                set(&mut state.run.first_event_at, time, event.line);
            }
            Some(_) => {}
            None => state.health.untimed.add(event.line),
        }
        if event.name.is_some() && event.meaning.subject.is_none() && !event.understood {
            state.health.unknown_names.add(event.line);
        }
        if let Some(id) = event.run_id.filter(|_| state.health.run_id.is_none()) {
            set_text(&mut state.health.run_id, id, event.line);
        }
    }

    /// Rule 2: life, and heartbeats.
    fn live(&mut self) {
        let line = self.event.line;
        if let Some(time) = self.event.time {
            let run = &mut self.state.run;
            if value(&run.last_life_at).is_none_or(|life| *life < time) {
                set(&mut run.last_life_at, time, line);
            }
        }
        if self.is(Subject::Heartbeat) {
            self.beat();
        }
    }

    fn beat(&mut self) {
        let Self { state, event, .. } = self;
        let RunState { run, scratch, index, .. } = &mut **state;
        let beats = value(&run.heartbeats).copied().unwrap_or(0);
        set(&mut run.heartbeats, beats + 1, event.line);
        let Some(time) = event.time else { return };
        if let Some(previous) = value(&run.last_heartbeat_at) {
            let interval = time.0.saturating_sub(previous.0);
            if interval > 0 {
                let is_full = scratch.heartbeat_intervals.len() == HEARTBEAT_INTERVALS;
                let oldest = if is_full { scratch.heartbeat_intervals.pop_front() } else { None };
                scratch.heartbeat_intervals.push_back(interval);
                index.replace_interval(oldest, interval);
                let millis = (index.middle_interval() + 500) / 1000;
                set(&mut run.heartbeat_interval_ms, millis, event.line);
            }
        }
        set(&mut run.last_heartbeat_at, time, event.line);
    }

    /// Rule 8: artifacts. The same path again takes the new line and is no progress (2.7).
    fn artifacts(&mut self) {
        if self.event.artifacts.is_empty() {
            return;
        }
        let Self { state, event, progress, .. } = self;
        let attempt = event.attempt.or(value(&state.run.attempt).copied());
        for named in &event.artifacts {
            let artifact = Artifact {
                path: named.path.to_string(),
                media_type: named.media_type.as_deref().map(str::to_owned),
                attempt,
                step: event.step.map(str::to_owned),
                line: event.line,
            };
            let number = match state.index.artifact(&state.artifacts, &artifact.path) {
                Some(number) => {
                    state.artifacts[number as usize] = artifact;
                    number
                }
                None => {
                    state.index.add_artifact(&artifact.path);
                    state.artifacts.push(artifact);
                    *progress = true;
                    state.artifacts.len() as u32 - 1
                }
            };
            state.changes.artifacts.push(number);
        }
    }

    /// Rule 9: an error field, subject error or level error; the newest wins.
    fn errors(&mut self) {
        let Self { state, event, .. } = self;
        if event.error.is_none() && event.meaning.subject != Some(Subject::Error) && event.level != Some(Level::Error) {
            return;
        }
        let error = match &event.error {
            Some(error) => ErrorText::clone(error),
            None => ErrorText {
                message: event
                    .message
                    .map(Text::decoded)
                    .or(event.reason.map(Cow::Borrowed))
                    .or(event.name.map(Cow::Borrowed))
                    .map(Cow::into_owned),
                kind: None,
                stack: event.more().stack.map(str::to_owned),
            },
        };
        set(&mut state.run.error, error, event.line);
    }

    /// Rule 12: getting somewhere, which is not the same as being alive. Never back.
    fn progress(&mut self) {
        if !self.progress {
            return;
        }
        let run = &mut self.state.run;
        let Some(at) = self.event.time.or(value(&run.last_life_at).copied()) else { return };
        if value(&run.last_progress_at).is_none_or(|last| *last < at) {
            set(&mut run.last_progress_at, at, self.event.line);
        }
    }

    /// Sets a fact of the run that counts as progress when it changes.
    fn set_progress<T: PartialEq>(
        &mut self,
        fact: impl FnOnce(&mut super::run::Run) -> &mut super::run::Known<T>,
        new: T,
    ) {
        self.progress |= set(fact(&mut self.state.run), new, self.event.line);
    }

    /// Milliseconds from a start to the time of this event, when both are known and in order.
    fn millis_from(&self, start: Option<Micros>) -> Option<i64> {
        self.event.time?.millis_since(start?)
    }
}

/// Text and malformed lines are events too, but nothing of them is a field.
const fn is_record(class: Class) -> bool {
    matches!(class, Class::Event)
}
