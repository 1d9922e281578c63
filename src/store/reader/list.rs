//! One page of the list of runs: filters, orders, pages by key, counts.
//!
//! What a page costs does not depend on how many runs there are, nor on how many are alike in what they are sorted by: each
//! question goes on in an index where the page before ended. Only what has no index beside the order looks at more runs, and of
//! a status not at all of them.

use std::cmp::Reverse;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::remembered::Remembered;
use super::{Lists, PAGE_BYTES, RunFilter, RunPage, Sort, keyset, runs};
use crate::reducer::run::{Run, Status, value};
use crate::store::columns::count;
use crate::store::inserts::holes;
use crate::store::log_row::Sums;
use crate::store::run_row::{STATUSES, status_order};

impl Sort {
    /// What is sorted by, the largest first, within a status where that comes first. The run's number comes last and makes
    /// it unique.
    fn column(self) -> &'static str {
        match self {
            Sort::Started | Sort::Status => "ifnull(run.first_event_at, -1)",
            Sort::LastLife => "ifnull(run.last_life_at, -1)",
            Sort::Duration => "ifnull(run.duration_ms, -1)",
            Sort::Cost => "ifnull(run.cost_usd, -1)",
        }
    }
}

/// The place of a row in a list in one index.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    /// What it is sorted by.
    at: Value,
    number: u32,
}

/// A list in one index: the runs of a status, or of all, behind a place.
#[derive(Debug)]
struct Part {
    /// As [`status_order`] has it.
    status: Option<i64>,
    after: Option<Place>,
}

/// A row of such a list.
struct Row {
    status: Option<i64>,
    place: Place,
    version: u64,
}

/// One page, with the count of all that match. `sums` are the counts over all runs, where they are known.
pub(super) fn page(
    connection: &Connection,
    filter: &RunFilter,
    sums: Option<Sums>,
    remembered: Remembered<'_>,
) -> rusqlite::Result<RunPage> {
    let (conditions, statuses) = (Conditions::of(filter), statuses(filter));
    let total = match sums {
        Some(sums) if conditions.sql.is_empty() => {
            statuses.as_deref().map_or_else(|| sums.runs(), |statuses| sums.of_statuses(statuses))
        }
        _ => conditions.and_statuses(statuses.as_deref(), By::Status).count(connection)?,
    };
    let rows = rows(connection, filter, &conditions, statuses.as_deref(), sums)?;
    let (mut runs, mut bytes) = (Vec::new(), 0);
    for row in rows.iter().take(filter.limit as usize) {
        if bytes >= PAGE_BYTES {
            break;
        }
        let run = runs::read(connection, row.place.number, row.version, Lists::Open, remembered)?;
        bytes += quoted(&run.state.run);
        runs.push(run);
    }
    let last = runs.len().checked_sub(1).filter(|_| runs.len() < rows.len());
    let next = last.and_then(|last| rows.get(last)).map(|row| pack(filter.sort, row));
    Ok(RunPage { runs, total, next })
}

/// About how many bytes of a log are shown of a run in a list.
fn quoted(run: &Run) -> usize {
    let Run { title, workflow, phase, candidate, status_reason, error, .. } = run;
    let texts = [title, workflow, phase, candidate, status_reason].into_iter().filter_map(|known| value(known));
    let error = value(error).and_then(|error| error.message.as_ref());
    texts.chain(error).map(String::len).sum()
}

/// The rows of a page, and one more if there is one.
fn rows(
    connection: &Connection,
    filter: &RunFilter,
    conditions: &Conditions,
    statuses: Option<&[i64]>,
    sums: Option<Sums>,
) -> rusqlite::Result<Vec<Row>> {
    let most = filter.limit as usize + 1;
    let after = filter.after.as_deref().and_then(|after| unpack(filter.sort, after));
    let mut rows = Vec::new();
    match (filter.sort, statuses) {
        (Sort::Status, statuses) => {
            let all = STATUSES.map(status_order);
            let (last, place) = after.map_or((all[0], None), |(status, place)| (status, Some(place)));
            for status in statuses.unwrap_or(&all).iter().copied().filter(|status| *status <= last) {
                if rows.len() == most {
                    break;
                }
                let part = Part { status: Some(status), after: place.clone().filter(|_| status == last) };
                part.read(connection, filter.sort, conditions, most - rows.len(), &mut rows)?;
            }
        }
        (Sort::Started, Some(statuses)) => {
            for status in statuses {
                let part = Part { status: Some(*status), after: after.clone().map(|(_, place)| place) };
                part.read(connection, filter.sort, conditions, most, &mut rows)?;
            }
            let at = |row: &Row| if let Value::Integer(at) = row.place.at { at } else { -1 };
            rows.sort_by_key(|row| Reverse((at(row), row.place.number)));
            rows.truncate(most);
        }
        (Sort::Started | Sort::LastLife | Sort::Duration | Sort::Cost, statuses) => {
            let part = Part { status: None, after: after.map(|(_, place)| place) };
            let by = sums.zip(statuses).map_or(By::Status, |(sums, statuses)| By::of(&sums, statuses, most));
            part.read(connection, filter.sort, &conditions.and_statuses(statuses, by), most, &mut rows)?;
        }
    }
    Ok(rows)
}

impl Part {
    /// Adds its first rows.
    fn read(
        &self,
        connection: &Connection,
        sort: Sort,
        conditions: &Conditions,
        most: usize,
        rows: &mut Vec<Row>,
    ) -> rusqlite::Result<()> {
        let enough = rows.len() + most;
        for (sql, values) in self.questions(sort, conditions) {
            let mut statement = connection.prepare_cached(&sql)?;
            let most = Value::Integer(i64::try_from(enough - rows.len()).unwrap_or(i64::MAX));
            let mut found = statement.query(params_from_iter(values.iter().chain([&most])))?;
            while let Some(row) = found.next()? {
                let place = Place { at: row.get(2)?, number: row.get(0)? };
                rows.push(Row { status: self.status, place, version: count(row.get(1)?) });
            }
            if rows.len() >= enough {
                break;
            }
        }
        Ok(())
    }

    /// What is to be asked for its rows, one after the other; the number of rows is the last value of each.
    fn questions(&self, sort: Sort, conditions: &Conditions) -> impl Iterator<Item = (String, Vec<Value>)> {
        let place = self.after.as_ref().map(|place| (&place.at, i64::from(place.number)));
        let of_status = self.status.map(|status| (String::from("run.status_order = ?"), vec![Value::Integer(status)]));
        keyset::behind(sort.column(), "run.number", place).into_iter().map(move |step| {
            let Conditions { sql, values } = conditions.and(of_status.iter().cloned().chain(step.condition));
            let rest = format!("{} ORDER BY {} LIMIT ?", clause(&sql), step.order);
            (runs::select(&format!(", {}", sort.column()), &rest), values)
        })
    }
}

fn clause(conditions: &[String]) -> String {
    if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) }
}

/// The statuses that a filter lets through, in the order of lists; `None` is all of them. A run is open by its status.
fn statuses(filter: &RunFilter) -> Option<Vec<i64>> {
    if filter.status.is_empty() && filter.open.is_none() {
        return None;
    }
    let named = |status: &Option<Status>| {
        filter.status.is_empty() || status.is_some_and(|status| filter.status.contains(&status))
    };
    let is_open = |status: &Option<Status>| !status.is_some_and(Status::is_ended);
    let wanted =
        STATUSES.iter().filter(|status| named(status) && filter.open.is_none_or(|open| is_open(status) == open));
    Some(wanted.copied().map(status_order).collect())
}

/// No index has both the statuses and these orders: which of them one is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// All runs of the statuses are sorted.
    Status,
    /// Runs are gone over in their order until there are enough.
    Order,
}

impl By {
    /// What looks at fewer runs for so many rows, where each status is spread evenly over the order: never more than the
    /// square root of the rows times all runs.
    fn of(sums: &Sums, statuses: &[i64], rows: usize) -> Self {
        let wanted = u128::from(sums.of_statuses(statuses));
        let all_for_enough = u128::from(sums.runs()).saturating_mul(rows as u128);
        if wanted.saturating_mul(wanted) > all_for_enough { By::Order } else { By::Status }
    }
}

/// Conditions of a question, and the values of their `?`.
#[derive(Clone, Debug, Default)]
struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// Those of a filter, but for the status.
    fn of(filter: &RunFilter) -> Self {
        let RunFilter { status: _, open: _, workflow, phase, source, text, from, to, sort: _, after: _, limit: _ } =
            filter;
        let Self { mut sql, mut values } = Self::default();
        for (column, wanted) in [("workflow", workflow), ("phase", phase), ("source", source)] {
            if let Some(wanted) = wanted {
                sql.push(format!("run.{column} = ?"));
                values.push(Value::Text(wanted.clone()));
            }
        }
        if let Some(text) = text {
            sql.push(runs::mentions(&runs::SEARCHED, text, &mut values));
        }
        for (sign, bound) in [(">=", from), ("<", to)] {
            if let Some(bound) = bound {
                // Without a time a run is in no range of times.
                sql.push(format!("run.first_event_at NOT NULL AND ifnull(run.first_event_at, -1) {sign} ?"));
                values.push(Value::Integer(bound.0));
            }
        }
        Self { sql, values }
    }

    fn and(&self, further: impl IntoIterator<Item = (String, Vec<Value>)>) -> Self {
        let mut all = self.clone();
        for (sql, values) in further {
            all.sql.push(sql);
            all.values.extend(values);
        }
        all
    }

    fn and_statuses(&self, statuses: Option<&[i64]>, by: By) -> Self {
        let Some(statuses) = statuses else { return self.clone() };
        // SQLite uses no index for what a plus stands before.
        let plus = if by == By::Order { "+" } else { "" };
        let sql = format!("{plus}run.status_order IN ({})", holes(statuses.len()));
        self.and([(sql, statuses.iter().copied().map(Value::Integer).collect())])
    }

    fn count(&self, connection: &Connection) -> rusqlite::Result<u64> {
        let sql = format!("SELECT count(*) FROM run {}", clause(&self.sql));
        let mut statement = connection.prepare_cached(&sql)?;
        Ok(count(statement.query_row(params_from_iter(&self.values), |row| row.get(0))?))
    }
}

/// The opaque key of a row: what it is sorted by, and its number.
fn pack(sort: Sort, Row { status, place, .. }: &Row) -> String {
    let status = status.filter(|_| sort == Sort::Status).map_or_else(String::new, |status| format!("{status}."));
    match place.at {
        Value::Real(real) => format!("{status}r{:x}.{}", real.to_bits(), place.number),
        Value::Integer(whole) => format!("{status}{whole}.{}", place.number),
        // No column that is sorted by is null or text.
        Value::Null | Value::Text(_) | Value::Blob(_) => format!("{status}-1.{}", place.number),
    }
}

/// What [`pack`] packed, with 0 where it has no status; nothing when it is something else.
fn unpack(sort: Sort, after: &str) -> Option<(i64, Place)> {
    let (status, after) = match sort {
        Sort::Status => after.split_once('.')?,
        Sort::Started | Sort::LastLife | Sort::Duration | Sort::Cost => ("0", after),
    };
    let (at, number) = after.split_once('.')?;
    let at = match at.strip_prefix('r') {
        Some(bits) => Value::Real(f64::from_bits(u64::from_str_radix(bits, 16).ok()?)),
        None => Value::Integer(at.parse().ok()?),
    };
    Some((status.parse().ok()?, Place { at, number: number.parse().ok()? }))
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::tests::{Place as Cache, whole};
    use crate::store::writer::Write;

    const SORTS: [Sort; 5] = [Sort::Started, Sort::LastLife, Sort::Duration, Sort::Cost, Sort::Status];

    /// The questions for a page behind the run of a number, of those that have nothing to be sorted by.
    fn questions(sort: Sort, status: Option<i64>, number: u32) -> Vec<(String, Vec<Value>)> {
        let after = Some(Place { at: Value::Integer(-1), number });
        let part = Part { status, after };
        let all = Conditions::default();
        let questions = part.questions(sort, &all);
        questions.map(|(sql, values)| (sql, [values, vec![Value::Integer(51)]].concat())).collect()
    }

    /// Every list that is in one index.
    fn lists() -> impl Iterator<Item = (Sort, Option<i64>)> {
        let of_status = [(Sort::Started, Some(0)), (Sort::Status, Some(0))];
        SORTS.into_iter().filter(|sort| *sort != Sort::Status).map(|sort| (sort, None)).chain(of_status)
    }

    #[test]
    fn a_late_page_is_found_in_an_index_whatever_the_list_is_sorted_by() {
        let cache = Cache::new();
        let _store = cache.open();
        let connection = Connection::open(cache.cache()).unwrap();
        for (sort, status) in lists() {
            for (sql, values) in questions(sort, status, 1) {
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let steps = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
                let plan: Vec<String> = steps.map(Result::unwrap).collect();
                assert!(plan.iter().any(|step| step.starts_with("SEARCH run USING")), "{sort:?}: {plan:?}");
                assert!(plan.iter().all(|step| !step.contains("SCAN") && !step.contains("TEMP")), "{sort:?}: {plan:?}");
            }
        }
    }

    #[test]
    fn many_of_a_status_are_never_sorted_and_few_are() {
        let cache = Cache::new();
        let store = cache.open();
        let by = |runs: &[(i64, u64)], wanted: &[i64]| By::of(&Sums::of_runs(runs), wanted, 51);
        assert_eq!(by(&[(1, 50_000), (4, 100)], &[1]), By::Order);
        assert_eq!(by(&[(1, 50_000), (4, 100)], &[4]), By::Status);
        assert_eq!(by(&[(1, 50_000), (4, 100)], &[4, 1]), By::Order);
        assert_eq!(by(&[(1, 20)], &[1]), By::Status);
        drop(store);
        let connection = Connection::open(cache.cache()).unwrap();
        for (by, sorts) in [(By::Order, false), (By::Status, true)] {
            let conditions = Conditions::default().and_statuses(Some(&[4, 1]), by);
            let part = Part { status: None, after: Some(Place { at: Value::Integer(9), number: 9 }) };
            let (sql, _) = part.questions(Sort::Cost, &conditions).last().unwrap();
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let values = [4, 1, 9, 51];
            let steps = statement.query_map(values, |row| row.get::<_, String>(3)).unwrap();
            let plan: Vec<String> = steps.map(Result::unwrap).collect();
            assert_eq!(plan.iter().any(|step| step.contains("TEMP")), sorts, "{plan:?}");
        }
    }

    #[test]
    fn a_late_page_of_runs_that_are_alike_costs_no_more_than_an_early_one() {
        let cache = Cache::new();
        let store = cache.open();
        for n in 1..=1000 {
            store.writer.send(Write::Batch(Box::new(whole(&format!("run-{n}"), 1, "")))).unwrap();
        }
        store.writer.flush().unwrap();
        let connection = Connection::open(cache.cache()).unwrap();
        for (sort, status) in lists() {
            let steps = |number: u32| -> i32 {
                let ask = |(sql, values): (String, Vec<Value>)| {
                    let mut statement = connection.prepare(&sql).unwrap();
                    let rows = statement.query_map(params_from_iter(values), |_| Ok(())).unwrap().count();
                    (rows, statement.get_status(StatementStatus::VmStep))
                };
                let (rows, steps): (Vec<usize>, Vec<i32>) =
                    questions(sort, status, number).into_iter().map(ask).unzip();
                assert_eq!(rows.iter().sum::<usize>(), 51, "{sort:?}");
                steps.into_iter().sum()
            };
            let (early, late) = (steps(950), steps(100));
            assert!(early > 50, "{sort:?} {status:?}: {early} steps");
            assert!(late <= early + early / 10, "{sort:?} {status:?}: {late} steps after {early}");
        }
    }
}
