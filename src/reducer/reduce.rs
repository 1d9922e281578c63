//! [`Reducer`]: splitter, decoder and fold put together, the one way from bytes to a state.
//!
//! It must never know where the bytes come from.

use std::sync::Arc;

use bumpalo::Bump;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::dialect::{Decoded, Decoder, Read, Reading, Sink, Spot, Trace, bare};
use super::event::{Class, Event, Level, Subject, Verb};
use super::fold;
use super::line::{Line, Splitter};
use super::run::{RunState, Spare};
use super::time::Micros;

/// One event as it is kept: its place and the few words that lists and filters need. Its text stays in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct EventRow {
    pub line: u64,
    pub offset: u64,
    pub length: u64,
    pub class: Class,
    pub time: Option<Micros>,
    pub name: Option<CompactString>,
    pub subject: Option<Subject>,
    pub verb: Option<Verb>,
    pub level: Option<Level>,
    /// The event's span id, else step, else session.
    pub span: Option<CompactString>,
    /// Out of the default timeline: heartbeats, and what a dialect hides.
    pub hidden: bool,
}

impl EventRow {
    /// The row of an event.
    #[must_use]
    pub fn of(event: &Event<'_>) -> Self {
        Self {
            line: event.line,
            offset: event.offset,
            length: event.length,
            class: event.class,
            time: event.time,
            name: event.name.map(CompactString::from),
            subject: event.meaning.subject,
            verb: event.meaning.verb,
            level: event.level,
            span: event.span.or(event.step).or(event.session).map(CompactString::from),
            hidden: event.hidden || event.meaning.subject == Some(Subject::Heartbeat),
        }
    }
}

/// Reduces one log, in whatever pieces it comes.
#[derive(Debug)]
pub struct Reducer {
    splitter: Splitter,
    decoder: Decoder,
    /// Shared with whoever stores it; copied only when it changes while somebody still holds it.
    state: Arc<RunState>,
    max_line: usize,
}

/// What the unterminated end of a log is worth (spec 1.2).
#[derive(Debug)]
pub enum Tail {
    /// The log ends with a line end.
    None,
    /// So many bytes that are no line yet.
    Pending(u64),
    /// Whole objects: the state with them, and their rows. The reducer itself stays before them.
    Provisional(Box<RunState>, Vec<EventRow>),
}

impl Reducer {
    /// Starts at the first byte of a log.
    #[must_use]
    pub fn new(reading: Reading) -> Self {
        Self::resume(reading, RunState::default(), 0)
    }

    /// The same in the room of lists that were emptied.
    #[must_use]
    pub fn in_room_of(reading: Reading, spare: Spare) -> Self {
        Self::resume(reading, RunState::in_room_of(spare), 0)
    }

    /// Goes on behind a state: `offset` is the first byte of the line after those that the state has seen.
    #[must_use]
    pub fn resume(reading: Reading, state: RunState, offset: u64) -> Self {
        let lines = state.counters.lines.total();
        let max_line = reading.max_line;
        let splitter = Splitter::new(max_line, offset, lines);
        Self { splitter, decoder: Decoder::new(reading), state: Arc::new(state), max_line }
    }

    /// Forgets the bytes after the last line end: they may have changed and are given again.
    pub fn rewind(&mut self) {
        self.splitter = Splitter::new(self.max_line, self.splitter.line_start(), self.splitter.lines());
    }

    /// Takes the next bytes; `each` is given every event of the lines that end in them.
    pub fn push(&mut self, chunk: &[u8], each: &mut dyn FnMut(&Event<'_>)) {
        self.push_with(chunk, &mut |state, event, _| {
            fold::apply(state, event);
            each(event);
        });
    }

    /// The same; `before` is given the state after each line that has an event, with the first event of the next one,
    /// before that is applied.
    pub fn push_before(&mut self, chunk: &[u8], before: &mut dyn FnMut(&mut RunState, &Event<'_>)) {
        self.push_with(chunk, &mut |state, event, is_first| {
            if is_first {
                before(state, event);
            }
            fold::apply(state, event);
        });
    }

    /// The same; `apply` is given each event and whether it is the first one of its line.
    fn push_with(&mut self, chunk: &[u8], apply: Apply<'_>) {
        let Self { splitter, decoder, state, .. } = self;
        let state = Arc::make_mut(state);
        decoder.look_over(chunk, splitter.line_start() + splitter.tail_length());
        let rest = splitter.push_held(chunk, &mut |line| reduce_line(state, decoder, &line, apply));
        let arena = Bump::new();
        let mut lines = Lines::new(state, apply, AT_ONCE);
        splitter.push_whole(rest, &mut |line| lines.take(decoder, &line, &arena));
        lines.apply_all();
    }

    /// The state after the last line that ended.
    #[must_use]
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// The same, when nothing more is to be read.
    #[must_use]
    pub fn into_state(self) -> RunState {
        Arc::unwrap_or_clone(self.state)
    }

    /// The same, to take its changes.
    pub fn state_mut(&mut self) -> &mut RunState {
        Arc::make_mut(&mut self.state)
    }

    /// The same, to keep.
    #[must_use]
    pub fn shared(&self) -> Arc<RunState> {
        Arc::clone(&self.state)
    }

    /// Whether somebody still holds what [`Reducer::shared`] gave, so that the next change copies it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.state) > 1
    }

    /// Where the cursor may stand: the first byte after the last line end.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.splitter.line_start()
    }

    /// What the bytes after the last line end are worth.
    pub fn tail(&mut self) -> Tail {
        let Some(line) = self.splitter.tail() else { return Tail::None };
        if !self.decoder.is_whole(&line) {
            return Tail::Pending(self.splitter.tail_length());
        }
        let mut state = RunState::clone(&self.state);
        let mut rows = Vec::new();
        reduce_line(&mut state, &mut self.decoder, &line, &mut |state, event, _| {
            fold::apply(state, event);
            rows.push(EventRow::of(event));
        });
        Tail::Provisional(Box::new(state), rows)
    }
}

/// So many lines are decoded before their events are applied: the code of both together does not fit into a processor's
/// nearest cache, and is fetched again for each line when they take turns.
const AT_ONCE: usize = 16;

/// Applies an event to a state; is told whether it is the first one of its line.
type Apply<'f> = &'f mut dyn FnMut(&mut RunState, &Event<'_>, bool);

fn reduce_line(state: &mut RunState, decoder: &mut Decoder, line: &Line<'_>, apply: Apply<'_>) {
    let arena = Bump::new();
    let mut lines = Lines::new(state, apply, 1);
    lines.take(decoder, line, &arena);
    lines.apply_all();
}

/// Lines between decoder and fold, which are applied in their order.
struct Lines<'a, 'f> {
    state: &'f mut RunState,
    apply: Apply<'f>,
    /// Of the lines that wait, then those of the line that is being read.
    events: Vec<Event<'a>>,
    waiting: Vec<Waiting>,
    /// Of the line that is being read: it had an event, and one with a time, which were applied already.
    had_event: bool,
    had_time: bool,
}

/// A line that was decoded.
struct Waiting {
    number: u64,
    /// How many events there are up to its end.
    events: usize,
    decoded: Decoded<'static>,
}

impl<'a, 'f> Lines<'a, 'f> {
    fn new(state: &'f mut RunState, apply: Apply<'f>, at_once: usize) -> Self {
        let (events, waiting) = (Vec::with_capacity(at_once), Vec::with_capacity(at_once));
        Self { state, apply, events, waiting, had_event: false, had_time: false }
    }

    fn take(&mut self, decoder: &mut Decoder, line: &Line<'a>, arena: &'a Bump) {
        let read: Read = decoder.read(line, arena, self);
        match read.without_dialect() {
            Some(decoded) => {
                self.waiting.push(Waiting { number: line.number, events: self.events.len(), decoded });
                if self.waiting.len() == self.waiting.capacity() {
                    self.apply_all();
                }
            }
            None => {
                self.apply_all();
                self.end_line(line.number, &decoder.decoded(read));
            }
        }
    }

    /// Applies everything that waits.
    fn apply_all(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut rest = events.as_slice();
        let mut before = 0;
        for line in waiting.drain(..) {
            let (own, others) = rest.split_at(line.events - before);
            own.iter().for_each(|event| self.apply(event));
            self.end_line(line.number, &line.decoded);
            (rest, before) = (others, line.events);
        }
        rest.iter().for_each(|event| self.apply(event));
        events.clear();
        (self.events, self.waiting) = (events, waiting);
    }

    #[inline(always)]
    fn apply(&mut self, event: &Event<'_>) {
        let is_first = !std::mem::replace(&mut self.had_event, true);
        self.had_time |= event.time.is_some();
        (self.apply)(self.state, event, is_first);
    }

    fn end_line(&mut self, number: u64, decoded: &Decoded<'_>) {
        fold::end_line(self.state, number, decoded, self.had_time);
        (self.had_event, self.had_time) = (false, false);
    }
}

impl<'a> Sink<'a> for Lines<'a, '_> {
    fn place(&mut self, class: Class, spot: Spot) -> &mut Event<'a> {
        // A line can hold a million of them.
        if self.events.len() == self.events.capacity() {
            self.apply_all();
        }
        let number = self.events.len();
        self.events.extend(std::iter::once_with(|| bare(class, spot)));
        &mut self.events[number]
    }

    fn placed(&mut self) {}

    fn passing(&mut self, event: Option<&Event<'_>>, _: Trace) {
        self.apply_all();
        if let Some(event) = event {
            self.apply(event);
        }
    }
}

#[cfg(test)]
mod tests;
