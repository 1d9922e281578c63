//! The faults of spec 5.4, each injected from outside into the real binary. `README.md` says which row is which test.
//!
//! Rows run side by side, each in a house of its own ([`house`]). Long versions run with `WHEELWATCH_TEST_LONG=1`.
//! A row that this machine cannot do fails and says what it needs.

#![allow(unreachable_pub, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod cache;
mod files;
mod guests;
mod host;
mod house;
mod kill;
mod life;
mod load;
mod model;
mod names;
mod process;
mod stream;
mod tail;
mod trace;
mod tree;
mod truth;

/// Whether the long versions run.
pub fn is_long() -> bool {
    std::env::var_os("WHEELWATCH_TEST_LONG").is_some_and(|value| value != "0" && !value.is_empty())
}

/// The small size every day, the spec's size in the long run.
pub fn size<T>(everyday: T, long: T) -> T {
    if is_long() { long } else { everyday }
}
