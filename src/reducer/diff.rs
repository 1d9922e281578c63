//! What changed between two states of a run (spec 2.5).

use super::run::RunState;

/// One value that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Difference {
    /// The name of the value, as in the dump (`phase`, `status`, `markers.handoff.-`, …).
    pub what: String,
    pub before: Option<String>,
    pub after: Option<String>,
    /// The line of the later state that proves it.
    pub line: Option<u64>,
}

/// The differences from `before` to `after`: phase, candidate, status, holder, markers, steps done, cost.
#[must_use]
pub fn diff(_before: &RunState, _after: &RunState) -> Vec<Difference> {
    todo!()
}
