//! Rules 10 and 11: the status of a run, its ends, and what opens it again.

use super::fields::{DONE, phase_word};
use super::{Fold, is_record};
use crate::reducer::event::{Outcome, Subject, Verb};
use crate::reducer::run::{Holder, Status, set, status_word, value};
use crate::reducer::span::{SpanKind, SpanStatus};

impl Fold<'_, '_> {
    pub(super) fn status_is(&self, status: Status) -> bool {
        value(&self.state.run.status) == Some(&status)
    }

    /// Sets the status with its reason (2.7, status_reason). The line that makes a run running hands the wheel to the
    /// agent while nobody has it (rule 7).
    pub(super) fn set_status(&mut self, status: Status) {
        let event = self.event;
        let run = &mut self.state.run;
        let reason = event.reason.map(str::to_owned);
        if set(&mut run.status, status, event.line) {
            self.progress = true;
            match reason {
                Some(reason) => {
                    set(&mut run.status_reason, reason, event.line);
                }
                None => run.status_reason = None,
            }
        } else if let Some(reason) = reason {
            set(&mut run.status_reason, reason, event.line);
        }
        if status == Status::Running && run.holder.is_none() {
            set(&mut run.holder, Holder::Agent, event.line);
        }
    }

    /// Whether the run has ended and this event does not open it again (rule 11). An event that does, opens it here.
    pub(super) fn is_over(&mut self) -> bool {
        if !self.state.run.is_ended() {
            return false;
        }
        let opens = self.verb() == Some(Verb::Started)
            && match self.event.meaning.subject {
                Some(Subject::Run | Subject::Candidate | Subject::Attempt | Subject::Step | Subject::Session) => true,
                Some(Subject::Phase) => !self.names_done(),
                _ => false,
            };
        if !opens {
            return true;
        }
        self.set_status(Status::Running);
        self.state.run.ended_at = None;
        false
    }

    fn names_done(&self) -> bool {
        self.event.phase.is_some_and(|phase| phase_word(phase) == DONE)
    }

    /// Rule 10.
    pub(super) fn status(&mut self) {
        match self.event.meaning.subject {
            Some(Subject::Run) => self.run_event(),
            Some(Subject::Cancel) => {
                let at = self.event.more().cancel_requested_at.or(self.event.time);
                if let Some(at) = at {
                    set(&mut self.state.run.cancel_requested_at, at, self.event.line);
                }
            }
            None => {
                if let Some(status) = self.loose_status() {
                    self.say_status(status);
                }
            }
            Some(_) => {}
        }
        self.work_starts();
        if self.done && !self.status_set && !self.state.run.is_ended() {
            self.set_status(Status::Completed);
        }
    }

    fn run_event(&mut self) {
        let end = match self.verb() {
            Some(Verb::Queued) => return self.queue_run(),
            Some(Verb::Started) => return self.start_run(),
            Some(Verb::Passed) => Status::Completed,
            Some(Verb::Failed) => Status::Failed,
            Some(Verb::Cancelled) => Status::Cancelled,
            Some(Verb::TimedOut) => Status::TimedOut,
            Some(Verb::Finished) => self.finished_run(),
            None => {
                if let Some(status) = self.event.status.and_then(status_word) {
                    self.say_status(status);
                }
                return;
            }
            Some(
                Verb::Skipped
                | Verb::Retried
                | Verb::Raised
                | Verb::Granted
                | Verb::Denied
                | Verb::Expired
                | Verb::Cleared
                | Verb::Recorded,
            ) => return,
        };
        self.status_set = true;
        self.set_status(end);
    }

    fn queue_run(&mut self) {
        if self.state.scratch.start_seen {
            return;
        }
        self.status_set = true;
        self.set_status(Status::Queued);
        self.take_start_back();
        if let Some(time) = self.event.time {
            set(&mut self.state.run.queued_at, time, self.event.line);
        }
    }

    /// The start that rule 3 implied was none: nobody has begun yet.
    fn take_start_back(&mut self) {
        if !self.state.scratch.start_seen {
            self.state.run.started_at = None;
            self.state.run.holder = None;
        }
    }

    fn start_run(&mut self) {
        self.status_set = true;
        self.state.scratch.start_seen = true;
        self.set_status(Status::Running);
        if let Some(time) = self.event.time {
            set(&mut self.state.run.started_at, time, self.event.line);
        }
    }

    /// What *finished* means of a run: status, else outcome, else an error, else score below threshold.
    fn finished_run(&self) -> Status {
        let run = &self.state.run;
        let below = value(&run.score).zip(value(&run.pass_threshold)).is_some_and(|(score, pass)| score < pass);
        match self.finished_status() {
            Status::Completed if below && !self.says_end() => Status::Failed,
            status => status,
        }
    }

    fn end_word(&self) -> Option<Status> {
        self.event.status.and_then(status_word).filter(|status| status.is_ended())
    }

    fn says_end(&self) -> bool {
        self.end_word().is_some() || self.event.outcome.is_some()
    }

    /// What *finished* means by the event alone: the status if it is an end word, else outcome, else an error.
    pub(super) fn finished_status(&self) -> Status {
        if let Some(status) = self.end_word() {
            return status;
        }
        match self.event.outcome {
            Some(Outcome::Completed) => Status::Completed,
            Some(Outcome::Failed) => Status::Failed,
            Some(Outcome::Cancelled) => Status::Cancelled,
            Some(Outcome::TimedOut) => Status::TimedOut,
            None if self.event.error.is_some() => Status::Failed,
            None => Status::Completed,
        }
    }

    /// The status that an event without subject gives, where it may (rule 10): a ledger line is no run's end.
    fn loose_status(&self) -> Option<Status> {
        let event = self.event;
        let is_loose =
            is_record(event.class) && event.span.is_none() && event.step.is_none() && event.session.is_none();
        let status = event.status.filter(|_| is_loose).and_then(status_word)?;
        let counts = match event.name {
            Some(_) => event.meaning.says_status,
            None => !status.is_ended() || !event.ledger,
        };
        counts.then_some(status)
    }

    /// A status word, with what it does to the start (2.7, A start).
    fn say_status(&mut self, status: Status) {
        self.status_set = true;
        self.set_status(status);
        let time = self.event.time;
        match status {
            Status::Queued => {
                self.take_start_back();
                self.set_when_empty_queued(time);
            }
            Status::Running => self.start_when_empty(),
            Status::NeedsHuman | Status::Completed | Status::Failed | Status::Cancelled | Status::TimedOut => {}
        }
    }

    fn set_when_empty_queued(&mut self, time: Option<crate::reducer::time::Micros>) {
        if let Some(time) = time.filter(|_| self.state.run.queued_at.is_none()) {
            set(&mut self.state.run.queued_at, time, self.event.line);
        }
    }

    fn start_when_empty(&mut self) {
        if let Some(time) = self.event.time.filter(|_| self.state.run.started_at.is_none()) {
            set(&mut self.state.run.started_at, time, self.event.line);
        }
    }

    /// A queued or waiting run that starts a phase, step or session is running (rule 10).
    fn work_starts(&mut self) {
        let starts = self.opens(&[SpanKind::Phase, SpanKind::Step, SpanKind::Session]);
        let waited = matches!(self.before, Some(Status::Queued | Status::NeedsHuman));
        if !starts || !waited || self.status_set || self.waits_for_human() {
            return;
        }
        self.set_status(Status::Running);
        if self.before == Some(Status::Queued) {
            self.start_when_empty();
        }
    }

    /// Rule 11: what the end of a run ends.
    pub(super) fn end(&mut self) {
        if !self.state.run.is_ended() {
            return;
        }
        if let Some(time) = self.event.time {
            set(&mut self.state.run.ended_at, time, self.event.line);
        }
        for number in self.state.index.all_open_spans() {
            self.close_span(number, SpanStatus::Unfinished, None);
        }
        self.close_all_markers();
        self.state.run.holder = None;
    }
}
