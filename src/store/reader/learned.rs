//! What was learned of phases from earlier runs (spec 2.6), remembered until a completed phase is written.

use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;

use crate::reducer::time::Micros;
use crate::reducer::verdict::{self, Learned};

/// How many answers are remembered.
const MAX_ANSWERS: usize = 4096;

/// A question: workflow, phase, and before when the runs began.
pub(super) type Question = (Option<String>, String, Micros);

/// Answers that hold while no completed phase is written. Open runs ask the same again with every page.
#[derive(Debug, Default)]
pub(super) struct Memo(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    lessons: u64,
    known: FxHashMap<Question, Option<Learned>>,
}

impl Memo {
    /// The answer as of so many lessons.
    pub(super) fn get(&self, question: &Question, lessons: u64) -> Option<Option<Learned>> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.lessons == lessons { answers.known.get(question).copied() } else { None }
    }

    /// Remembers an answer that was looked up when there were so many lessons.
    pub(super) fn put(&self, question: Question, lessons: u64, answer: Option<Learned>) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.lessons != lessons || answers.known.len() >= MAX_ANSWERS {
            *answers = Answers { lessons, known: FxHashMap::default() };
        }
        answers.known.insert(question, answer);
    }

    #[cfg(test)]
    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Answers::default();
    }
}

/// How many completed phases are learned from, the newest: what runs take now, at a cost that no longer grows.
const NEWEST: u32 = 1000;

/// Learns from the newest completed phases of earlier runs; the index holds all that is asked for.
pub(super) fn learn(connection: &Connection, question: &Question) -> rusqlite::Result<Option<Learned>> {
    let (workflow, phase, Micros(before)) = question;
    let mut statement = connection.prepare_cached(
        "SELECT duration_ms FROM lesson INDEXED BY lesson_asked WHERE workflow IS ? AND phase = ? AND at < ?
         ORDER BY at DESC, duration_ms DESC LIMIT ?",
    )?;
    let durations: rusqlite::Result<Vec<i64>> =
        statement.query_map(params![workflow, phase, before, NEWEST], |row| row.get(0))?.collect();
    Ok(verdict::learn(&mut durations?))
}
