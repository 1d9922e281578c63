//! Rule 6: spans of steps, sessions, tools and spans, and what every kind of span has in common.

use compact_str::CompactString;

use super::Fold;
use crate::reducer::event::{ErrorText, Event, Subject, Verb};
use crate::reducer::run::{RunState, Status};
use crate::reducer::span::{Origin, Seldom, Span, SpanKind, SpanStatus};
use crate::reducer::time::Micros;

/// How an event says which span it means.
#[derive(Clone, Copy, Debug)]
enum Means<'e> {
    /// By an id.
    Id(&'e str),
    /// By a name only, which then is the id of a span that it opens.
    Name(&'e str),
    /// Not at all.
    Nothing,
}

impl<'e> Means<'e> {
    fn id(self) -> Option<&'e str> {
        match self {
            Means::Id(id) | Means::Name(id) => Some(id),
            Means::Nothing => None,
        }
    }
}

impl<'e> Fold<'_, 'e> {
    /// Rule 6, for the four subjects.
    pub(super) fn spans(&mut self) {
        let Some(kind) = self.span_kind() else { return };
        let means = self.means(kind);
        match self.verb() {
            Some(Verb::Started) => self.start(kind, means),
            Some(
                verb
                @ (Verb::Finished | Verb::Passed | Verb::Failed | Verb::Skipped | Verb::Cancelled | Verb::TimedOut),
            ) => self.finish(kind, means, verb),
            Some(Verb::Retried) => self.retry(kind, means),
            Some(
                Verb::Queued
                | Verb::Raised
                | Verb::Granted
                | Verb::Denied
                | Verb::Expired
                | Verb::Cleared
                | Verb::Recorded,
            )
            | None => {
                if let Some(number) = self.open_meant(kind, means) {
                    self.particulars(number);
                }
            }
        }
    }

    /// The kind of span that the event is about, of the four subjects.
    fn span_kind(&self) -> Option<SpanKind> {
        match self.event.meaning.subject {
            Some(Subject::Step) => Some(SpanKind::Step),
            Some(Subject::Session) => Some(SpanKind::Session),
            Some(Subject::Tool) => Some(SpanKind::Tool),
            Some(Subject::Span) => Some(SpanKind::Span),
            _ => None,
        }
    }

    /// The subject's own id, else the span id, else a name.
    fn means(&self, kind: SpanKind) -> Means<'e> {
        let event = self.event;
        let own = match kind {
            SpanKind::Step => event.step,
            SpanKind::Session => event.session,
            SpanKind::Tool => event.span.or(event.id),
            _ => None,
        };
        if let Some(id) = own.or(event.span) {
            return Means::Id(id);
        }
        self.own_name(kind).map_or(Means::Nothing, Means::Name)
    }

    fn own_name(&self, kind: SpanKind) -> Option<&'e str> {
        let event = self.event;
        match kind {
            SpanKind::Step => event.step_name,
            SpanKind::Tool => event.tool_name,
            SpanKind::Session => event.agent,
            SpanKind::Span => event.step_name.or(event.tool_name),
            SpanKind::Phase | SpanKind::Candidate | SpanKind::Attempt => None,
        }
    }

    fn start(&mut self, kind: SpanKind, means: Means<'_>) {
        let id = means.id();
        let RunState { index, spans, .. } = &*self.state;
        let newest = id.and_then(|id| index.span(spans, kind, id));
        let open = id.and_then(|id| index.open_span_of(spans, kind, id, newest));
        let attempt = self.event.attempt.or(self.attempt_after(newest));
        if let Some(number) = open {
            self.close_span(number, SpanStatus::Superseded, None);
        }
        let number = self.open_span(kind, id.map(CompactString::from), attempt, newest);
        self.particulars(number);
    }

    fn finish(&mut self, kind: SpanKind, means: Means<'_>, verb: Verb) {
        let (verb, status) = self.end_of(verb);
        if let Some(number) = self.open_to_end(kind, means) {
            self.close_span(number, status, Some(verb));
            self.particulars(number);
            return;
        }
        if let Some(number) = self.newest_meant(kind, means).filter(|n| self.is_second_end(*n, verb)) {
            self.particulars(number);
            return;
        }
        let attempt = self.event.attempt.or(self.next_attempt(kind, means.id()));
        let number = self.startless(kind, means.id().map(CompactString::from), attempt, status, verb);
        self.particulars(number);
    }

    /// *retried* closes as failed and opens the next attempt; when nothing is open it only opens.
    fn retry(&mut self, kind: SpanKind, means: Means<'_>) {
        let closing = self.open_to_end(kind, means);
        let meant = closing.or_else(|| self.newest_meant(kind, means));
        if let Some(number) = closing {
            self.close_span(number, SpanStatus::Failed, None);
            self.particulars(number);
        }
        let (id, attempt) = match meant {
            Some(number) => {
                let span = &self.state.spans[number as usize];
                let last = if closing.is_some() { span.attempt } else { self.event.attempt.or(span.attempt) };
                (span.id.clone(), last)
            }
            None => (means.id().map(CompactString::from), self.event.attempt),
        };
        let attempt = attempt.map_or(Some(1), |last| Some(last.saturating_add(1).min(i64::MAX as u64)));
        let newest = self.newest_with_id(kind, id.as_deref());
        let number = self.open_span(kind, id, attempt, newest);
        self.particulars(number);
        self.state.spans[number as usize].attempt = attempt;
    }

    pub(super) fn open_with_id(&self, kind: SpanKind, id: &str) -> Option<u32> {
        self.state.index.open_span_with_id(&self.state.spans, kind, id)
    }

    /// The open span that an event names.
    fn open_meant(&self, kind: SpanKind, means: Means<'_>) -> Option<u32> {
        match means {
            Means::Id(id) => self.open_with_id(kind, id),
            Means::Name(name) => {
                self.open_with_id(kind, name).max(self.state.index.open_named_span(&self.state.spans, kind, name))
            }
            Means::Nothing => None,
        }
    }

    /// The open span that an end closes: without an id the newest of its kind.
    fn open_to_end(&self, kind: SpanKind, means: Means<'_>) -> Option<u32> {
        match means {
            Means::Id(_) | Means::Name(_) => self.open_meant(kind, means),
            Means::Nothing => self.state.index.open_span(kind),
        }
    }

    /// The newest span that is meant, open or closed.
    fn newest_meant(&self, kind: SpanKind, means: Means<'_>) -> Option<u32> {
        let spans = &self.state.spans;
        match means {
            Means::Id(id) => self.state.index.span(spans, kind, id),
            Means::Name(name) => {
                self.state.index.span(spans, kind, name).max(self.state.index.named_span(spans, kind, name))
            }
            Means::Nothing => None,
        }
    }

    /// The span of the event's own subject that it opened, closed or names (2.7, usage).
    pub(super) fn own_span(&self) -> Option<u32> {
        let kind = self.span_kind()?;
        let means = self.means(kind);
        self.touched.or_else(|| self.open_meant(kind, means)).or_else(|| self.newest_meant(kind, means))
    }

    /// Whether the event's subject owns spans of this kind, so that its particulars go there.
    pub(super) fn owns(&self, kind: SpanKind) -> bool {
        match kind {
            SpanKind::Phase => self.is(Subject::Phase),
            SpanKind::Candidate => self.is(Subject::Candidate),
            SpanKind::Attempt => self.is(Subject::Attempt),
            SpanKind::Step | SpanKind::Session | SpanKind::Tool | SpanKind::Span => self.span_kind() == Some(kind),
        }
    }

    /// One more than the newest span of that kind and id, else 1 (2.7, Span attempt).
    pub(super) fn next_attempt(&self, kind: SpanKind, id: Option<&str>) -> Option<u64> {
        self.attempt_after(self.newest_with_id(kind, id))
    }

    pub(super) fn attempt_after(&self, newest: Option<u32>) -> Option<u64> {
        let last = newest.and_then(|n| self.state.spans[n as usize].attempt).unwrap_or(0);
        Some(last.saturating_add(1).min(i64::MAX as u64))
    }

    /// What an end makes of a span, and the verb it counts as: a *finished* with status `skipped` is skipped.
    pub(super) fn end_of(&self, verb: Verb) -> (Verb, SpanStatus) {
        let status = match verb {
            Verb::Skipped => SpanStatus::Skipped,
            Verb::Failed => SpanStatus::Failed,
            Verb::Cancelled => SpanStatus::Cancelled,
            Verb::TimedOut => SpanStatus::TimedOut,
            Verb::Finished => {
                let word = self.event.status.map(crate::reducer::run::normal_word);
                if word.is_some_and(|word| matches!(&*word, "skipped" | "skip")) {
                    return (Verb::Skipped, SpanStatus::Skipped);
                }
                match self.finished_status() {
                    Status::Failed => SpanStatus::Failed,
                    Status::Cancelled => SpanStatus::Cancelled,
                    Status::TimedOut => SpanStatus::TimedOut,
                    _ => SpanStatus::Completed,
                }
            }
            _ => SpanStatus::Completed,
        };
        (verb, status)
    }

    /// Whether an end of a closed span is a second one: it was closed by an end, and not a record made by the same
    /// verb without a start.
    pub(super) fn is_second_end(&self, number: u32, verb: Verb) -> bool {
        let origin = self.state.spans[number as usize].origin;
        origin.closed_by.is_some_and(|first| !(origin.startless && first == verb))
    }

    /// `newest` is the newest span of that kind and id so far.
    pub(super) fn open_span(
        &mut self,
        kind: SpanKind,
        id: Option<CompactString>,
        attempt: Option<u64>,
        newest: Option<u32>,
    ) -> u32 {
        let span = Span::opened(kind, id, attempt, self.event.time, self.event.line);
        self.opened[kind as usize] = true;
        self.add_span(span, newest)
    }

    /// A span made by its end: it starts at end minus duration, or unknown (2.7, Bounds).
    pub(super) fn startless(
        &mut self,
        kind: SpanKind,
        id: Option<CompactString>,
        attempt: Option<u64>,
        status: SpanStatus,
        verb: Verb,
    ) -> u32 {
        let event = self.event;
        let started = event.time.zip(event.duration_ms).map(|(end, millis)| end.plus_millis(-millis));
        let mut span = Span::opened(kind, id, attempt, started.filter(|at| *at >= Micros::MIN), event.line);
        span.status = status;
        span.ended_at = event.time;
        span.duration_ms = event.duration_ms;
        span.closed_line = Some(event.line);
        span.origin = Origin { startless: true, closed_by: Some(verb) };
        let newest = self.newest_with_id(kind, span.id.as_deref());
        self.add_span(span, newest)
    }

    fn add_span(&mut self, span: Span, newest: Option<u32>) -> u32 {
        let counts = counts_steps(&span);
        let was_done = newest.is_some_and(|n| counts && self.is_done(n));
        let state = &mut *self.state;
        let number = state.spans.len() as u32;
        if matches!(span.kind, SpanKind::Phase | SpanKind::Candidate | SpanKind::Attempt | SpanKind::Step) {
            state.counters.work_spans += 1;
        }
        if span.kind == SpanKind::Step {
            state.counters.steps_line = self.event.line;
        }
        state.index.add_span(&span, &state.spans);
        state.spans.push(span);
        self.count_step(was_done, counts && self.is_done(number));
        self.touch(number);
        self.progress = true;
        number
    }

    pub(super) fn close_span(&mut self, number: u32, status: SpanStatus, closed_by: Option<Verb>) {
        let event = self.event;
        let span = &self.state.spans[number as usize];
        let of_step = |number: &u32| counts_steps(&self.state.spans[*number as usize]);
        let newest = Some(number).filter(of_step).and_then(|n| self.state.index.newest_of_open(&self.state.spans, n));
        let was_done = newest.is_some_and(|n| self.is_done(n));
        let measured = self.millis_from(span.started_at);
        let by_end = closed_by.is_some() || status == SpanStatus::Failed;
        let state = &mut *self.state;
        let span = &mut state.spans[number as usize];
        span.status = status;
        span.ended_at = event.time;
        span.duration_ms = event.duration_ms.filter(|_| by_end).or(measured);
        span.closed_line = Some(event.line);
        span.origin.closed_by = closed_by;
        if span.kind == SpanKind::Step {
            state.counters.steps_line = event.line;
        }
        state.index.close_span(number, span);
        self.count_step(was_done, newest.is_some_and(|n| self.is_done(n)));
        self.touch(number);
        self.progress = true;
    }

    pub(super) fn newest_with_id(&self, kind: SpanKind, id: Option<&str>) -> Option<u32> {
        id.and_then(|id| self.state.index.span(&self.state.spans, kind, id))
    }

    /// Whether a span is completed or skipped (spec 2.1, steps_done, asks the newest span of each step id).
    fn is_done(&self, number: u32) -> bool {
        matches!(self.state.spans[number as usize].status, SpanStatus::Completed | SpanStatus::Skipped)
    }

    fn count_step(&mut self, was_done: bool, is_done: bool) {
        let done = &mut self.state.counters.steps_done;
        *done = (*done + u64::from(is_done)).saturating_sub(u64::from(was_done));
    }

    fn touch(&mut self, number: u32) {
        let changed = &mut self.state.changes.spans;
        if changed.last() != Some(&number) {
            changed.push(number);
        }
        if self.span_kind() == Some(self.state.spans[number as usize].kind) {
            self.touched = Some(number);
        }
    }

    /// What events of a span's own subject say about it (2.7, Span particulars).
    pub(super) fn particulars(&mut self, number: u32) {
        let event = self.event;
        let kind = self.state.spans[number as usize].kind;
        let parent = if kind == SpanKind::Session { event.more().parent_session } else { None };
        let name = self.own_name(kind);
        let state = &mut *self.state;
        let span = &mut state.spans[number as usize];
        if let Some(name) = name.filter(|name| span.name.as_deref() != Some(name)) {
            state.index.name_span(number, kind, span.name.as_deref(), name, span.is_open());
            span.name = Some(name.into());
        }
        say(&mut span.parent, parent.or(event.parent));
        if let Some(attempt) = event.attempt
            && matches!(kind, SpanKind::Step | SpanKind::Session | SpanKind::Tool | SpanKind::Span)
        {
            span.attempt = Some(attempt);
        }
        // Error and score of a *retried* are those of the span that it closes only (2.7, Retried).
        let retried = event.meaning.verb == Some(Verb::Retried) && span.is_open();
        let (error, score) = if retried { (None, None) } else { (event.error.as_deref(), event.score) };
        say_more(&mut span.more, event, error, score);
        span.cache_hit = event.cache_hit.or(span.cache_hit);
        if event.input.is_some() {
            span.input_line = Some(event.line);
        }
        if event.has_output {
            span.output_line = Some(event.line);
        }
        self.touch(number);
    }
}

/// Whether a span counts among the steps of its run: of those with the same id the newest does.
fn counts_steps(span: &Span) -> bool {
    span.kind == SpanKind::Step && span.id.is_some()
}

/// Sets a text when there is one, which is copied only when it changes.
fn say(field: &mut Option<CompactString>, text: Option<&str>) {
    if let Some(text) = text.filter(|text| field.as_deref() != Some(text)) {
        *field = Some(text.into());
    }
}

/// What few events say.
fn say_more(more: &mut Seldom, event: &Event<'_>, error: Option<&ErrorText>, score: Option<f64>) {
    let said = event.more();
    let texts = [event.skill, event.agent, event.model, said.repo];
    let is_said = texts.iter().any(|text| text.is_some()) || error.is_some() || score.is_some();
    if !is_said && said.deadline.is_none() && said.expected_ms.is_none() {
        return;
    }
    let more = more.to_mut();
    for (field, text) in [&mut more.skill, &mut more.agent, &mut more.model, &mut more.repo].into_iter().zip(texts) {
        say(field, text);
    }
    if let Some(error) = error {
        more.error = Some(error.clone());
    }
    more.score = score.or(more.score);
    more.deadline = said.deadline.or(more.deadline);
    more.expected_ms = said.expected_ms.or(more.expected_ms);
}

impl Span {
    /// A span that has just opened.
    fn opened(kind: SpanKind, id: Option<CompactString>, attempt: Option<u64>, at: Option<Micros>, line: u64) -> Self {
        Self {
            kind,
            id,
            parent: None,
            name: None,
            status: SpanStatus::Open,
            attempt,
            cache_hit: None,
            started_at: at,
            ended_at: None,
            duration_ms: None,
            input_line: None,
            output_line: None,
            opened_line: line,
            closed_line: None,
            origin: Origin::default(),
            more: Seldom::default(),
        }
    }
}
