//! [`Marker`]: a condition that is open or closed (spec 2.1, rule 7).

use serde::{Deserialize, Serialize};

use super::event::words;
use super::time::Micros;

/// Which condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum MarkerKind {
    Handoff,
    Question,
    Approval,
    Stuck,
    Queue,
}

words!(MarkerKind {
    Handoff = "handoff", Question = "question", Approval = "approval", Stuck = "stuck", Queue = "queue",
});

/// A condition that is open or closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Marker {
    pub kind: MarkerKind,
    /// The marker's id, or `-`.
    pub id: String,
    pub reason: Option<String>,
    /// Span id, else step, else session, of the event that opened it.
    pub span: Option<String>,
    pub repo: Option<String>,
    pub integration: Option<String>,
    pub action: Option<String>,
    pub risk: Option<String>,
    /// Raw JSON as written.
    pub params: Option<String>,
    pub expires_at: Option<Micros>,
    pub opened_line: u64,
    pub opened_at: Option<Micros>,
    /// Of a handoff: where a person was first given the wheel.
    pub granted_line: Option<u64>,
    pub granted_at: Option<Micros>,
    pub closed_line: Option<u64>,
    pub closed_at: Option<Micros>,
    /// The word that closed it: a verb, `superseded` or `run_ended`.
    pub resolution: Option<String>,
}

impl Marker {
    /// Whether it is still open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.closed_line.is_none()
    }

    /// Whether it is an approval whose time is over at `now` (spec 2.6: it is then no longer waiting).
    #[must_use]
    pub fn is_expired(&self, now: Micros) -> bool {
        self.kind == MarkerKind::Approval && self.expires_at.is_some_and(|at| at <= now)
    }
}
