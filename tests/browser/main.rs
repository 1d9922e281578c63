//! The dashboard in a real browser: what only a browser can show. Run with `cargo test --test browser`; `scripts/test`
//! does so too. Everyday `cargo test` leaves it out, because it needs Chromium.

mod driver;
mod keyboard;
mod live;
mod look;
mod pages;
mod plain;
mod states;
#[path = "../support/mod.rs"]
mod support;
mod timeline;
mod visit;
