//! Statements that insert rows, one or many at once. It must never know what a row holds.

use rusqlite::{CachedStatement, Connection};

/// Rows per statement: of the largest that there are enough rows for (spec 6).
const SIZES: [usize; 3] = [16, 4, 1];

/// Whether rows of a run can be there already. An insert is cheaper: SQLite then keeps no way back for one statement
/// alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    New,
    Known,
}

impl Entry {
    /// The beginning of the statement that writes a row.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Entry::New => "INSERT OR ROLLBACK",
            Entry::Known => "REPLACE",
        }
    }
}

/// So many `?`.
pub(super) fn holes(columns: usize) -> String {
    let mut text = "?,".repeat(columns);
    text.pop();
    text
}

/// The statements that insert rows of one table.
#[derive(Debug)]
pub(super) struct Inserts {
    /// How many columns a row has.
    columns: usize,
    new: Statements,
    known: Statements,
}

/// One for each of [`SIZES`].
type Statements = [String; SIZES.len()];

impl Inserts {
    /// For a table and its columns, separated by commas.
    pub(super) fn new(table: &str, columns: &str) -> Self {
        let count = columns.split(',').count();
        let row = format!("({})", holes(count));
        let statements = |entry: Entry| {
            SIZES.map(|rows| {
                let rows = vec![row.as_str(); rows].join(",");
                format!("{} INTO {table} ({columns}) VALUES {rows}", entry.verb())
            })
        };
        Self { columns: count, new: statements(Entry::New), known: statements(Entry::Known) }
    }

    /// Writes rows, many with one statement as long as there are many. `bind` gives a row's parameters, which stand behind
    /// so many others.
    pub(super) fn write<T>(
        &self,
        connection: &Connection,
        entry: Entry,
        rows: impl ExactSizeIterator<Item = T>,
        mut bind: impl FnMut(&mut CachedStatement<'_>, usize, T) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let statements = match entry {
            Entry::New => &self.new,
            Entry::Known => &self.known,
        };
        let mut rows = rows;
        for (size, sql) in SIZES.iter().zip(statements) {
            if rows.len() < *size {
                continue;
            }
            let mut statement = connection.prepare_cached(sql)?;
            while rows.len() >= *size {
                for (place, row) in rows.by_ref().take(*size).enumerate() {
                    bind(&mut statement, place * self.columns, row)?;
                }
                statement.raw_execute()?;
            }
        }
        Ok(())
    }
}
