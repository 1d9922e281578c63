//! Rules 3, 4 and 5: what makes a run running, the fields that set its values, and phase, candidate and attempt.

use std::borrow::Cow;

use super::Fold;
use crate::reducer::event::{More, Subject, Verb};
use crate::reducer::json::to_value;
use crate::reducer::run::{Known, Status, is_plain, set, set_text, value};
use crate::reducer::span::SpanKind;

/// The phase that ends a run (rule 5).
pub(super) const DONE: &str = "done";

impl Fold<'_, '_> {
    /// Rule 3: any event makes a run without a status running.
    pub(super) fn run_by_itself(&mut self) {
        if self.state.run.status.is_some() {
            return;
        }
        self.set_status(Status::Running);
        if let Some(time) = self.event.time {
            set(&mut self.state.run.started_at, time, self.event.line);
        }
    }

    /// Rule 4: fields that count whatever the event is called. Phase, candidate and attempt are rule 5.
    pub(super) fn fields(&mut self) {
        let event = self.event;
        let is_run_event = self.is(Subject::Run);
        if let Some(more) = event.more {
            self.further_fields(more, is_run_event);
        }
        if let Some(score) = event.score.filter(|_| !self.is_span_event()) {
            self.set_progress(|run| &mut run.score, score);
        }
        let inputs = &mut self.state.run.inputs;
        if let Some(input) = event.input.filter(|_| is_run_event) {
            // The same value in another spelling is no change.
            if value(inputs).is_none_or(|before| to_value(before) != to_value(input)) {
                set(inputs, input.to_owned(), event.line);
            }
        }
    }

    /// Those that few events have.
    #[inline(never)]
    fn further_fields(&mut self, more: &More<'_>, is_run_event: bool) {
        let line = self.event.line;
        if let Some(total) = more.steps_total {
            self.set_progress(|run| &mut run.steps_total, total);
        }
        let is_span_event = self.is_span_event();
        let run = &mut self.state.run;
        if let Some(threshold) = more.pass_threshold {
            set(&mut run.pass_threshold, threshold, line);
        }
        if let Some(retry_of) = more.retry_of {
            set_text(&mut run.retry_of, retry_of, line);
        }
        if let Some(claim) = more.claim {
            set_text(&mut run.claimed_by, claim, line);
        }
        if let Some(at) = more.cancel_requested_at {
            set(&mut run.cancel_requested_at, at, line);
        }
        for (fact, text) in [(&mut run.title, more.title), (&mut run.workflow, more.workflow)] {
            if let Some(text) = text.filter(|_| is_run_event || fact.is_none()) {
                set_text(fact, text, line);
            }
        }
        if let Some(max) = more.max_attempts.filter(|_| !is_span_event) {
            set(&mut run.max_attempts, max, line);
        }
        if is_run_event || self.event.meaning.subject.is_none() {
            if let Some(deadline) = more.deadline {
                set(&mut run.deadline, deadline, line);
            }
            if let Some(expected) = more.expected_ms {
                set(&mut run.expected_ms, expected, line);
            }
        }
    }

    /// Rule 5: phase, candidate and attempt, whose values are spans too.
    pub(super) fn values(&mut self) {
        // Nearly every line repeats the values that the run has. A phase that it has is in its canonical word.
        let is_at = |at: &Known<String>, said: Option<&str>| said.is_some() && value(at).map(String::as_str) == said;
        let phase = self.event.phase;
        if is_at(&self.state.run.phase, phase) && !self.is(Subject::Phase) {
            self.done = phase == Some(DONE);
        } else {
            let phase = phase.map(phase_word);
            if self.takes_value(Subject::Phase, SpanKind::Phase, phase.as_deref())
                && let Some(phase) = phase
            {
                self.done = phase == DONE;
                self.progress |= set_text(&mut self.state.run.phase, &phase, self.event.line);
            }
        }
        let candidate = self.event.candidate;
        let repeats = is_at(&self.state.run.candidate, candidate) && !self.is(Subject::Candidate);
        if !repeats
            && self.takes_value(Subject::Candidate, SpanKind::Candidate, candidate)
            && let Some(candidate) = candidate
        {
            self.progress |= set_text(&mut self.state.run.candidate, candidate, self.event.line);
        }
        let attempt = self.event.attempt.filter(|_| !self.is_span_event());
        let id = attempt.map(|number| number.to_string());
        if self.takes_value(Subject::Attempt, SpanKind::Attempt, id.as_deref())
            && let Some(attempt) = attempt
        {
            self.set_progress(|run| &mut run.attempt, attempt);
        }
    }

    /// Opens and closes the spans of one of the three values; says whether the event sets the run's value.
    fn takes_value(&mut self, subject: Subject, kind: SpanKind, id: Option<&str>) -> bool {
        let own = self.is(subject);
        let verb = self.verb().filter(|_| own);
        match verb {
            Some(Verb::Queued) => {
                if let Some(number) = id.and_then(|id| self.open_with_id(kind, id)) {
                    self.particulars(number);
                }
                return false;
            }
            Some(
                verb
                @ (Verb::Finished | Verb::Passed | Verb::Failed | Verb::Cancelled | Verb::TimedOut | Verb::Skipped),
            ) => {
                self.end_value(kind, id, verb);
                return false;
            }
            _ => {}
        }
        let Some(id) = id else { return false };
        let present = match kind {
            SpanKind::Attempt => value(&self.state.run.attempt).is_some_and(|at| at.to_string() == id),
            SpanKind::Candidate => value(&self.state.run.candidate).is_some_and(|at| at == id),
            _ => value(&self.state.run.phase).is_some_and(|at| at == id),
        };
        if present {
            if !own {
                return true;
            }
            if let Some(number) = self.open_with_id(kind, id) {
                self.particulars(number);
            } else if verb == Some(Verb::Started) && self.state.index.open_span(kind).is_none() && !is_done(kind, id) {
                self.open_value(kind, id);
            }
            return true;
        }
        if let Some(number) = self.state.index.open_span(kind) {
            let status = if kind == SpanKind::Phase { SpanEnd::Completed } else { SpanEnd::Superseded };
            self.close_span(number, status.into(), None);
        }
        if !is_done(kind, id) {
            self.open_value(kind, id);
        }
        true
    }

    fn open_value(&mut self, kind: SpanKind, id: &str) {
        let newest = self.newest_with_id(kind, Some(id));
        let number = self.open_span(kind, Some(id.into()), self.attempt_after(newest), newest);
        if self.owns(kind) {
            self.particulars(number);
        }
    }

    /// An end of a phase, candidate or attempt (rule 5, and the Borders on ends and skips).
    fn end_value(&mut self, kind: SpanKind, id: Option<&str>, verb: Verb) {
        let (verb, status) = self.end_of(verb);
        let Some(id) = id else {
            // An end closes the open span of that kind; *skipped* is no end and says which value it skips.
            if let Some(number) = self.state.index.open_span(kind).filter(|_| verb != Verb::Skipped) {
                self.close_span(number, status, Some(verb));
                self.particulars(number);
            }
            return;
        };
        if is_done(kind, id) {
            return;
        }
        if let Some(number) = self.open_with_id(kind, id) {
            self.close_span(number, status, Some(verb));
            self.particulars(number);
            return;
        }
        let newest = self.state.index.span(&self.state.spans, kind, id);
        if let Some(number) = newest.filter(|n| verb != Verb::Skipped && self.is_second_end(*n, verb)) {
            self.particulars(number);
            return;
        }
        let attempt = self.next_attempt(kind, Some(id));
        let number = self.startless(kind, Some(id.into()), attempt, status, verb);
        self.particulars(number);
    }
}

/// How a value's span ends when the next value comes.
enum SpanEnd {
    Completed,
    Superseded,
}

impl From<SpanEnd> for crate::reducer::span::SpanStatus {
    fn from(end: SpanEnd) -> Self {
        match end {
            SpanEnd::Completed => Self::Completed,
            SpanEnd::Superseded => Self::Superseded,
        }
    }
}

fn is_done(kind: SpanKind, id: &str) -> bool {
    kind == SpanKind::Phase && id == DONE
}

/// The canonical word of a phase: trimmed, lower-cased, with the few synonyms of rule 4.
#[must_use]
pub fn phase_word(text: &str) -> Cow<'_, str> {
    let is_plain = text.bytes().all(is_plain);
    let word = if is_plain { Cow::Borrowed(text) } else { Cow::Owned(text.trim().to_lowercase()) };
    Cow::Borrowed(match &*word {
        "harden" => "hardening",
        "building" => "build",
        "verifying" | "verification" => "verify",
        "complete" | "completed" => DONE,
        _ => return word,
    })
}
