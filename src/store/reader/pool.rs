//! Read-only connections, and what the writer of the same process tells readers without a query.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use super::learned::Memo;
use crate::store::StoreError;
use crate::store::apply::Ledger;
use crate::store::log_row::Sums;
use crate::store::open::{Target, connect_reader};

/// How many connections are kept for the next question.
const KEEP: usize = 4;

/// Connections to one cache.
#[derive(Debug)]
pub(in crate::store) struct Pool {
    target: Target,
    idle: Mutex<Vec<Connection>>,
    /// None beside a writer of another process.
    pub(super) shared: Option<Arc<Shared>>,
    pub(super) memo: Memo,
}

/// What the writer knows after each commit.
#[derive(Debug, Default)]
pub(in crate::store) struct Shared {
    sums: Mutex<Sums>,
    lessons: AtomicU64,
}

impl Shared {
    pub(in crate::store) fn set(&self, ledger: &Ledger) {
        *self.sums.lock().unwrap_or_else(PoisonError::into_inner) = ledger.sums;
        self.lessons.store(ledger.lessons, Ordering::Release);
    }

    pub(super) fn sums(&self) -> Sums {
        *self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Grows when spans that expectations are learned from changed.
    pub(super) fn lessons(&self) -> u64 {
        self.lessons.load(Ordering::Acquire)
    }
}

impl Pool {
    pub(super) fn new(target: Target, shared: Option<Arc<Shared>>) -> Self {
        Self { target, idle: Mutex::default(), shared, memo: Memo::default() }
    }

    /// Asks within one read transaction, so that all of it is of one moment.
    pub(super) fn look<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect_reader(&self.target)?,
        };
        connection.prepare_cached("BEGIN")?.execute([])?;
        // After an error the connection is closed, and its transaction with it.
        let answer = ask(&connection)?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEEP {
            idle.push(connection);
        }
        Ok(answer)
    }
}
