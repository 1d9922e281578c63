//! wheelwatch shows a person what their local agent runs are doing, from the logs alone, with the evidence.
//!
//! # The way of the data
//!
//! ```text
//! bytes --ingest::tail--> chunk --reducer::line--> Line --reducer::dialect--> Event --reducer::fold--> RunState
//!       --store::writer, one transaction--> rows + cursor --revision--> web::stream tick --browser asks again-->
//!       store::reader --> plain rows --reducer::verdict--> Verdict --web::view--> HTML
//! ```
//!
//! Each hop is one function call and each end can be tested alone. The data goes one way only.
//!
//! # The rooms
//!
//! | room | what it is for | what it must never know |
//! |---|---|---|
//! | [`reducer`] | bytes to events to state, verdicts, differences: pure functions | files, clocks, threads, SQL, HTTP |
//! | [`store`] | the SQLite cache: one writer, many readers | how logs are read, how pages look |
//! | [`query`] | rows joined with the one verdict, for every surface | HTTP, HTML, SQL |
//! | [`ingest`] | finds, tails and watches logs; the only code that opens one | SQL, HTTP, HTML |
//! | [`web`] | the guard, JSON, the stream and the pages | how logs are found and followed, SQL |
//! | [`app`] | wiring: starts ingest, binds, serves, stops | any rule of the other rooms |
//! | [`cli`] | options, configuration, one file per command | SQL, HTML |
//!
//! Dependencies point one way: `main → cli → app → {ingest, web} → query → store → reducer`. `tests/tidy.rs` holds this.
//!
//! # Invariants
//!
//! * The fold is pure and total: `state after line n = fold(state after line n-1, events of line n)`. No clock, no file
//!   time. The same bytes give the same state in any pieces.
//! * Every reduced value knows the line that set it; [`reducer::run::Fact`] cannot be made without one.
//! * What depends on the present moment (ages, verdicts, expiry) is derived when asked for and never stored.
//! * State, cursor and events of a batch are committed in one transaction. The cache can be deleted at any time.
//! * Nothing below a state directory is ever written, renamed or created. Logs are opened read-only, beneath a handle of
//!   the state root, never through a link, never mapped.
//! * Every byte of a log, a name or an artifact is hostile until it left through the escaping function of its sink.

pub mod app;
pub mod cli;
pub mod ingest;
pub mod query;
pub mod reducer;
pub mod store;
pub mod web;
