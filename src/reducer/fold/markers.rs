//! Rule 7: handoff, question, approval, stuck and queue markers, and who holds the wheel.

use super::Fold;
use crate::reducer::event::{Subject, Verb};
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::run::{Holder, Status, set};
use crate::reducer::span::SpanKind;
use crate::reducer::time::Micros;

/// The id of a marker that has none.
const NO_ID: &str = "-";

impl Fold<'_, '_> {
    /// Rule 7, for the five subjects; and the starts that supersede a question.
    pub(super) fn markers(&mut self) {
        let run_starts = self.is(Subject::Run) && self.verb() == Some(Verb::Started);
        if run_starts || self.opens(&[SpanKind::Phase, SpanKind::Attempt]) {
            self.supersede();
        }
        let Some(kind) = self.marker_kind() else { return };
        match self.verb() {
            Some(Verb::Raised) => self.raise(kind),
            Some(Verb::Queued | Verb::Started) if kind != MarkerKind::Handoff => self.raise(kind),
            None if self.raises_without_verb(kind) => self.raise(kind),
            Some(Verb::Granted) if kind == MarkerKind::Handoff => self.hand_over(),
            Some(
                verb @ (Verb::Granted
                | Verb::Denied
                | Verb::Expired
                | Verb::Cleared
                | Verb::Finished
                | Verb::Passed
                | Verb::Failed
                | Verb::Cancelled
                | Verb::TimedOut
                | Verb::Skipped),
            ) => {
                if let Some(number) = self.marker_to_close(kind) {
                    self.close_marker(number, verb.as_str());
                    self.wheel_after_close(kind);
                }
            }
            Some(Verb::Queued | Verb::Started | Verb::Retried | Verb::Recorded) | None => {}
        }
    }

    fn marker_kind(&self) -> Option<MarkerKind> {
        match self.event.meaning.subject {
            Some(Subject::Handoff) => Some(MarkerKind::Handoff),
            Some(Subject::Question) => Some(MarkerKind::Question),
            Some(Subject::Approval) => Some(MarkerKind::Approval),
            Some(Subject::Stuck) => Some(MarkerKind::Stuck),
            Some(Subject::Queue) => Some(MarkerKind::Queue),
            _ => None,
        }
    }

    fn raises_without_verb(&self, kind: MarkerKind) -> bool {
        match kind {
            MarkerKind::Stuck => true,
            MarkerKind::Question | MarkerKind::Approval => self.event.meaning.one_word,
            MarkerKind::Handoff | MarkerKind::Queue => false,
        }
    }

    fn marker_id(&self) -> &str {
        self.event.marker_id.unwrap_or(NO_ID)
    }

    /// Opens a marker, or renews the reason and parameters of the one that is open.
    fn raise(&mut self, kind: MarkerKind) {
        let event = self.event;
        let id = self.marker_id().to_owned();
        let newest = self.state.index.marker(&self.state.markers, kind, &id);
        let number = match newest.filter(|n| self.state.markers[*n as usize].is_open()) {
            Some(number) => number,
            None => {
                let span = event.span.as_ref().or(event.step.as_ref()).or(event.session.as_ref());
                let mut marker = Marker::opened(kind, id, event.line, event.time);
                marker.span = span.map(|id| id.to_string());
                marker.repo = event.more().repo.map(str::to_owned);
                self.state.index.add_marker(&marker);
                self.state.markers.push(marker);
                self.progress = true;
                if event.meaning.needs_human {
                    self.status_set = true;
                    self.set_status(Status::NeedsHuman);
                }
                self.state.markers.len() as u32 - 1
            }
        };
        self.renew(number);
    }

    fn renew(&mut self, number: u32) {
        let event = self.event;
        let marker = &mut self.state.markers[number as usize];
        let is_approval = marker.kind == MarkerKind::Approval;
        for (field, text, wanted) in [
            (&mut marker.reason, event.reason, true),
            (&mut marker.integration, event.more().integration, is_approval),
            (&mut marker.action, event.more().action, is_approval),
            (&mut marker.risk, event.more().risk, is_approval),
            (&mut marker.params, event.more().params, is_approval),
        ] {
            if let Some(text) = text.filter(|_| wanted) {
                *field = Some(text.to_owned());
            }
        }
        if let Some(at) = event.more().expires_at.filter(|_| is_approval) {
            marker.expires_at = Some(at);
        }
        self.state.changes.markers.push(number);
    }

    /// *handoff granted* keeps the marker open: somebody has the wheel now.
    fn hand_over(&mut self) {
        let Some(number) = self.marker_to_close(MarkerKind::Handoff) else { return };
        let holder = self.event.more().holder.unwrap_or("human");
        let holder = if holder == "agent" { Holder::Agent } else { Holder::Other(holder.to_owned()) };
        let marker = &mut self.state.markers[number as usize];
        if holder != Holder::Agent && marker.granted_line.is_none() {
            (marker.granted_line, marker.granted_at) = (Some(self.event.line), self.event.time);
            self.state.changes.markers.push(number);
        }
        set(&mut self.state.run.holder, holder, self.event.line);
    }

    /// The open marker with the event's id; else the only open one of its kind, unless the event's id was already
    /// answered.
    fn marker_to_close(&self, kind: MarkerKind) -> Option<u32> {
        let state = &self.state;
        let named = state.index.marker(&state.markers, kind, self.marker_id());
        if let Some(number) = named {
            if state.markers[number as usize].is_open() {
                return Some(number);
            }
            if self.event.marker_id.is_some() {
                return None;
            }
        }
        let open = state.index.open_markers(kind);
        let only = open.first().copied().filter(|_| open.len() == 1);
        if only.is_some() && named.is_none() && self.event.marker_id.is_some() {
            state.index.ask_absent_marker();
        }
        only
    }

    fn close_marker(&mut self, number: u32, resolution: &str) {
        let event = self.event;
        let marker = &mut self.state.markers[number as usize];
        marker.closed_line = Some(event.line);
        marker.closed_at = event.time;
        marker.resolution = Some(resolution.to_owned());
        self.state.index.close_marker(number, marker.kind);
        self.state.changes.markers.push(number);
        self.progress = true;
    }

    /// Who holds the wheel, and whether a person is still needed, after a marker closed.
    fn wheel_after_close(&mut self, kind: MarkerKind) {
        if kind == MarkerKind::Handoff {
            set(&mut self.state.run.holder, Holder::Agent, self.event.line);
        }
        let is_human = matches!(kind, MarkerKind::Handoff | MarkerKind::Question | MarkerKind::Approval);
        if is_human && self.status_is(Status::NeedsHuman) && !self.waits_for_human() {
            self.set_status(Status::Running);
        }
    }

    /// Whether a handoff, question or approval is open.
    pub(super) fn waits_for_human(&self) -> bool {
        [MarkerKind::Handoff, MarkerKind::Question, MarkerKind::Approval]
            .into_iter()
            .any(|kind| !self.state.index.open_markers(kind).is_empty())
    }

    /// A question, and a stuck marker without id, are over when the next phase, attempt or run starts.
    fn supersede(&mut self) {
        let questions = self.state.index.open_markers(MarkerKind::Question).iter().copied();
        let stuck = self.state.index.open_markers(MarkerKind::Stuck).iter().copied();
        let over: Vec<u32> = questions.chain(stuck.filter(|n| self.state.markers[*n as usize].id == NO_ID)).collect();
        for number in over {
            let kind = self.state.markers[number as usize].kind;
            self.close_marker(number, "superseded");
            self.wheel_after_close(kind);
        }
    }

    /// Rule 11: every open marker is closed by the end of the run.
    pub(super) fn close_all_markers(&mut self) {
        let open: std::collections::BTreeSet<u32> =
            MarkerKind::ALL.iter().flat_map(|kind| self.state.index.open_markers(*kind)).copied().collect();
        for number in open {
            self.close_marker(number, "run_ended");
        }
    }
}

impl Marker {
    fn opened(kind: MarkerKind, id: String, line: u64, at: Option<Micros>) -> Self {
        Self {
            kind,
            id,
            reason: None,
            span: None,
            repo: None,
            integration: None,
            action: None,
            risk: None,
            params: None,
            expires_at: None,
            opened_line: line,
            opened_at: at,
            granted_line: None,
            granted_at: None,
            closed_line: None,
            closed_at: None,
            resolution: None,
        }
    }
}
