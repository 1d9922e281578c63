//! What an event name means: words, subject and verb (spec 1.3, "Event names").

use super::event::Meaning;

/// The meaning of a name by the generic tables.
#[must_use]
pub fn meaning(_name: &str) -> Meaning {
    todo!()
}
