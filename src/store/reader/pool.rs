//! Read-only connections, and what the writer of the same process tells readers without a query.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rusqlite::Connection;

use super::learned::Memo;
use super::remembered::{Remembered, Runs, Since};
use crate::store::StoreError;
use crate::store::apply::Ledger;
use crate::store::log_row::Sums;
use crate::store::open::{Target, connect_reader, is_damage};
use crate::store::under_way::UnderWay;

/// How many connections are kept for the next question.
const KEEP: usize = 4;

/// Connections to one cache.
#[derive(Debug)]
pub(in crate::store) struct Pool {
    aim: Arc<Aim>,
    /// Connections, each with the move of the aim that it was opened after.
    idle: Mutex<Vec<(u64, Connection)>>,
    /// None beside a writer of another process.
    pub(super) shared: Option<Arc<Shared>>,
    pub(super) memo: Memo,
    runs: Runs,
    #[cfg(test)]
    pub(super) trial: super::trial::Trial,
}

/// Where the cache is at the moment; the writer moves it when its file cannot be used any more.
#[derive(Debug)]
pub(in crate::store) struct Aim(RwLock<(u64, Target)>);

impl Aim {
    pub(in crate::store) fn new(target: Target) -> Self {
        Self(RwLock::new((0, target)))
    }

    pub(in crate::store) fn set(&self, target: Target) {
        let mut aim = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *aim = (aim.0 + 1, target);
    }

    fn get(&self) -> (u64, Target) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the writer knows after each commit, and what readers tell the writer.
#[derive(Debug, Default)]
pub(in crate::store) struct Shared {
    sums: Mutex<Sums>,
    lessons: AtomicU64,
    retries: AtomicU64,
    /// A reader found damage.
    damage: Mutex<Option<String>>,
    /// What is committed and was announced already.
    pub(in crate::store) under_way: UnderWay,
}

impl Shared {
    pub(in crate::store) fn set(&self, ledger: &Ledger) {
        *self.sums.lock().unwrap_or_else(PoisonError::into_inner) = ledger.sums;
        self.lessons.store(ledger.lessons, Ordering::Release);
        self.retries.store(ledger.retries, Ordering::Release);
    }

    pub(super) fn sums(&self) -> Sums {
        *self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Damage that a reader found since the last time.
    pub(in crate::store) fn take_damage(&self) -> Option<String> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Grows when spans that expectations are learned from changed.
    pub(super) fn lessons(&self) -> u64 {
        self.lessons.load(Ordering::Acquire)
    }
}

impl Pool {
    pub(super) fn new(aim: Arc<Aim>, shared: Option<Arc<Shared>>) -> Self {
        Self {
            aim,
            idle: Mutex::default(),
            shared,
            memo: Memo::default(),
            runs: Runs::default(),
            #[cfg(test)]
            trial: super::trial::Trial::default(),
        }
    }

    /// Asks within one read transaction, so that all of it is of one moment.
    pub(super) fn look<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        self.look_again(|connection, _| ask(connection))
    }

    /// The same with the runs that were read before.
    pub(super) fn look_again<T>(
        &self,
        ask: impl FnOnce(&Connection, Remembered<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        #[cfg(test)]
        self.trial.question()?;
        if let Some(shared) = &self.shared {
            shared.under_way.wait();
        }
        let (moves, target) = self.aim.get();
        // Known before the transaction begins: what is read in it is never older.
        let retries = self.shared.as_ref().map_or(0, |shared| shared.retries.load(Ordering::Acquire));
        let runs = self.shared.as_ref().map(|_| &self.runs);
        let remembered = Remembered { runs, since: Since { moves, retries } };
        self.look_at(moves, &target, |connection| ask(connection, remembered))
            .inspect_err(|error| self.suspect(moves, error))
            .map_err(StoreError::from)
    }

    fn look_at<T>(
        &self,
        moves: u64,
        target: &Target,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let connection = match self.idle(moves) {
            Some(connection) => connection,
            None => connect_reader(target)?,
        };
        connection.prepare_cached("BEGIN")?.execute([])?;
        // After an error the connection is closed, and its transaction with it.
        let answer = ask(&connection)?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEEP {
            idle.push((moves, connection));
        }
        Ok(answer)
    }

    /// A connection to where the cache is now; those to where it was are closed.
    fn idle(&self, moves: u64) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(opened_after, _)| *opened_after == moves);
        idle.pop().map(|(_, connection)| connection)
    }

    /// Tells the writer of damage, unless the cache was made anew meanwhile.
    fn suspect(&self, moves: u64, error: &rusqlite::Error) {
        if let (Some(shared), true) = (&self.shared, is_damage(error) && self.aim.get().0 == moves) {
            *shared.damage.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        }
    }
}
