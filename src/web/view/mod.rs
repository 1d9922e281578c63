//! The components that pages are made of: one per file, each a `render(plain data) -> Markup`.
//!
//! It must never know HTTP, SQL or a clock: `now` is an argument, and every value was fetched by a page module. Whatever
//! comes from a log, a name or a path goes through [`text`]; nothing else may put foreign bytes into a page (spec 5.3).
//!
//! | file | component |
//! |---|---|
//! | `text`, `ansi` | foreign text, made visible and isolated; the same with the colours of a terminal |
//! | `tone`, `icon`, `badge` | hue, icon and word of a status or verdict |
//! | `time`, `amount` | points in time, durations, tokens, money, bytes |
//! | `link`, `evidence` | our own URLs; a value as a link to the line that proves it |
//! | `layout`, `pill`, `source` | the frame of every page |
//! | `state` | empty, failed and partial answers |
//! | `card`, `item`, `stepper` | a run, an attention item, the phases of a run |
//! | `facts`, `going`, `markers`, `waterfall`, `spans`, `sessions`, `problem`, `json`, `timeline`, `travel`, `loghealth` | sections of the run page |
//! | `commands` | what a person could run, and what came of it |
//! | `past` | what needs nobody any more |
//! | `news` | what a toast could say |
//! | `since` | what changed in runs since the person last looked |
//! | `queue` | what is queued for a person, by repo |
//! | `numbers` | what the overview counts |
//! | `compare` | two runs side by side |
//! | `artifact`, `markdown` | files that a log names |
//! | `table`, `form` | the list of runs; fields of filter forms |

pub mod amount;
pub mod ansi;
pub mod artifact;
pub mod badge;
pub mod card;
pub mod commands;
pub mod compare;
pub mod evidence;
pub mod facts;
pub mod form;
pub mod going;
pub mod icon;
pub mod item;
pub mod json;
pub mod layout;
pub mod link;
pub mod loghealth;
pub mod markdown;
pub mod markers;
pub mod news;
pub mod numbers;
pub mod parts;
pub mod past;
pub mod pill;
pub mod problem;
pub mod queue;
pub mod sessions;
pub mod since;
pub mod source;
pub mod spans;
pub mod state;
pub mod stepper;
pub mod table;
pub mod text;
pub mod time;
pub mod timeline;
pub mod tone;
pub mod travel;
pub mod waterfall;

#[cfg(test)]
pub(crate) mod sample;
