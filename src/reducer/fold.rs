//! The rules of spec 2.2 and 2.7: `state after line n = fold(state after line n-1, events of line n)`.
//!
//! Pure, total and cheap. It must never know a clock, a file or how a line was written.

use serde::{Deserialize, Serialize};

use super::dialect::Decoded;
use super::event::Event;
use super::run::RunState;
use super::span::{Artifact, Span};

/// What the fold needs beyond what is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scratch {}

/// Look-ups over the spans of a run; a function of the spans alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Index {}

impl Index {
    /// Builds the look-ups again.
    #[must_use]
    pub fn of(_spans: &[Span], _artifacts: &[Artifact]) -> Self {
        todo!()
    }
}

/// Applies one event (rules 1 to 12), in the order in which events stand in the log.
pub fn apply(_state: &mut RunState, _event: &Event<'_>) {
    todo!()
}

/// Counts the line that the events came from (rule 1, the log's health). Called once per physical line, after its
/// events.
pub fn end_line(_state: &mut RunState, _number: u64, _decoded: &Decoded, _timed: bool) {
    todo!()
}
