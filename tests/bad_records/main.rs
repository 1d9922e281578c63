//! Bad records (spec 5.4.3), row by row, from the bytes of a log to the dump, the pages and the JSON. `bench` looks at
//! everything that holds after each row; a test's name begins with the number of its row.

#![allow(unreachable_pub, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod bytes;
mod json;
mod masses;
mod order;
mod times;
