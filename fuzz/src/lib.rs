//! What is always true of the reducer, whatever the bytes: one function for each fuzz target.
//!
//! The reducer is compiled in here from its own source, without the rest of the crate: it is pure and needs none of it,
//! and so the fuzzer is built in a fraction of the time.

#[path = "../../src/reducer/mod.rs"]
pub mod reducer;

mod decode;
mod fold;
mod lines;
mod pieces;

pub use decode::decode;
pub use fold::fold;
pub use lines::lines;
