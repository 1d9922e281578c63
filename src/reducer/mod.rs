//! Bytes to events, events to state, state to verdicts: pure functions, no file, clock, thread, lock, SQL or HTTP.
//!
//! `line` cuts chunks into lines, `dialect` decodes a line into [`event::Event`]s, `fold` applies them to a
//! [`run::RunState`], `verdict` says how it is going, `attention` what a person should look at, `diff` what changed
//! between two states, `compare` where two that should be equal are not, `divergence` where two runs part, `digest` and
//! `excerpt` which of very many spans a page shows, `rehearse` what limits would have flagged, `wheel` who held control,
//! and `dump` writes the canonical form that two independent reducers can be compared by (spec 4.2). `duration` is the one
//! formatter of durations, and by a `glance` the few texts that come again and again are told apart.

pub mod attention;
pub mod compare;
pub mod counts;
pub mod dialect;
pub mod diff;
pub mod digest;
pub mod divergence;
pub mod dump;
pub mod duration;
pub mod event;
pub mod excerpt;
pub mod fold;
mod glance;
pub mod json;
pub mod line;
pub mod marker;
pub mod name;
pub mod redact;
pub mod reduce;
pub mod rehearse;
pub mod run;
pub mod span;
pub mod time;
pub mod verdict;
pub mod visible;
pub mod wheel;
