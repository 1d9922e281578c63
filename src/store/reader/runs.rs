//! Lists of runs: filters, orders, pages by key, counts.

use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::states::Remembered;
use super::{Lists, RunFilter, RunPage, Sort};
use crate::reducer::run::{RunState, value};
use crate::store::columns::{self, count, unreadable};
use crate::store::inserts::holes;
use crate::store::log_row::{self, LOG, LOG_COLUMNS};
use crate::store::row::{LogRow, RunRecord};
use crate::store::snapshot;
use crate::store::span_rows;

/// What follows `SELECT` where records are read, for [`records`].
fn select(more: &str, rest: &str) -> String {
    format!(
        "SELECT {LOG}, run.number, log.version, log.base, run.state{more}
         FROM run JOIN log ON log.number = run.number {rest}"
    )
}

/// How many columns come before `more`.
const RECORD_COLUMNS: usize = LOG_COLUMNS + 4;

/// The runs that `rest` (joins, conditions, order) is true of, with their lists.
pub(super) fn records(
    connection: &Connection,
    rest: &str,
    values: &[Value],
    lists: Lists,
    remembered: Remembered<'_>,
) -> rusqlite::Result<Vec<RunRecord>> {
    let mut statement = connection.prepare_cached(&select("", rest))?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(read(connection, row, lists, remembered)?);
    }
    Ok(records)
}

fn read(
    connection: &Connection,
    row: &Row<'_>,
    lists: Lists,
    remembered: Remembered<'_>,
) -> rusqlite::Result<RunRecord> {
    let log = log_row::read(row, 0)?;
    let number = row.get(LOG_COLUMNS)?;
    let version = count(row.get(LOG_COLUMNS + 1)?);
    let known = if lists == Lists::Open { remembered.get(number, version) } else { None };
    let state = match known {
        Some(state) => state,
        None => {
            let core = row.get_ref(LOG_COLUMNS + 3)?.as_blob()?;
            let core = snapshot::decode(core).map_err(|error| unreadable(LOG_COLUMNS + 3, error))?;
            let state = Arc::new(with_lists(connection, core, (number, row.get(LOG_COLUMNS + 2)?), lists)?);
            if lists == Lists::Open {
                remembered.put(number, version, &state);
            }
            state
        }
    };
    let retried_by = retried_by(connection, &log, &state)?;
    Ok(RunRecord { number, key: log.key.clone(), version, state, modified: log.modified(), log, retried_by })
}

fn with_lists(
    connection: &Connection,
    mut state: RunState,
    (number, base): (u32, i64),
    lists: Lists,
) -> rusqlite::Result<RunState> {
    let all = lists == Lists::All;
    // Nothing stays open over the end of a run (spec 2.2 rule 11).
    if all || (lists == Lists::Open && !state.run.is_ended()) {
        state.spans = span_rows::read(connection, number, base, all)?;
        state.markers = columns::read_markers(connection, number, all)?;
    }
    if all {
        state.artifacts = columns::read_artifacts(connection, number)?;
    }
    Ok(state)
}

/// How many events a run has, those of a provisional tail included.
pub(super) fn events(connection: &Connection, number: u32) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached("SELECT events FROM run WHERE number = ?")?;
    let mut rows = statement.query([number])?;
    rows.next()?.map_or(Ok(0), |row| row.get(0).map(count))
}

/// The newest later run of the same state directory that says it retries this one: by its key, with or without the
/// label, or by the last part of it (spec 2.6, Attention).
fn retried_by(connection: &Connection, log: &LogRow, state: &RunState) -> rusqlite::Result<Option<String>> {
    let Some(began) = value(&state.run.first_event_at) else { return Ok(None) };
    let (key, source) = (log.key.as_str(), log.source.as_str());
    let bare = key.strip_prefix(source).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key);
    let last = key.rsplit('/').next().unwrap_or(key);
    let mut names = vec![key, bare, last];
    names.dedup();
    // One question for each is cheaper than one for all, which SQLite would sort.
    let mut statement = connection.prepare_cached(
        "SELECT first_event_at, key FROM run INDEXED BY run_retry
         WHERE retry_of = ? AND first_event_at > ? AND source = ? ORDER BY first_event_at DESC LIMIT 1",
    )?;
    let mut newest: Option<(i64, String)> = None;
    for name in names {
        let mut rows = statement.query(params![name, began.0, source])?;
        if let Some(row) = rows.next()? {
            let (at, key) = (row.get(0)?, row.get(1)?);
            newest = newest.filter(|(other, _)| *other >= at).or(Some((at, key)));
        }
    }
    Ok(newest.map(|(_, key)| key))
}

impl Sort {
    /// What is sorted by, the largest first; the run's number comes last and makes it unique.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Sort::Started => &["ifnull(run.first_event_at, -1)"],
            Sort::LastLife => &["ifnull(run.last_life_at, -1)"],
            Sort::Duration => &["ifnull(run.duration_ms, -1)"],
            Sort::Cost => &["ifnull(run.cost_usd, -1)"],
            Sort::Status => &["run.status_order", "ifnull(run.first_event_at, -1)"],
        }
    }
}

/// One page, with the count of all that match. `counted` is the count of all runs, where it is known.
pub(super) fn page(
    connection: &Connection,
    filter: &RunFilter,
    counted: Option<u64>,
    remembered: Remembered<'_>,
) -> rusqlite::Result<RunPage> {
    let (conditions, mut values) = conditions(filter);
    let total = match counted {
        Some(runs) if conditions.is_empty() => runs,
        _ => {
            let sql = format!("SELECT count(*) FROM run {}", clause(&conditions));
            let mut statement = connection.prepare_cached(&sql)?;
            count(statement.query_row(params_from_iter(&values), |row| row.get(0))?)
        }
    };
    let columns = filter.sort.columns();
    let sql = below(filter, conditions, &mut values);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(&values))?;
    let mut page = RunPage { runs: Vec::new(), total, next: None };
    let limit = filter.limit as usize;
    let mut last = None;
    while let Some(row) = rows.next()? {
        if page.runs.len() == limit {
            page.next = last;
            break;
        }
        let record = read(connection, row, Lists::Open, remembered)?;
        if page.runs.len() + 1 == limit {
            let place: rusqlite::Result<Vec<Value>> = (0..columns.len()).map(|n| row.get(RECORD_COLUMNS + n)).collect();
            last = Some(pack(&place?, record.number));
        }
        page.runs.push(record);
    }
    Ok(page)
}

/// The rows of a page, and one more, with what they are sorted by; the values of the conditions are there already.
fn below(filter: &RunFilter, mut conditions: Vec<String>, values: &mut Vec<Value>) -> String {
    let columns = filter.sort.columns();
    if let Some(place) = filter.after.as_deref().and_then(|after| unpack(after, columns.len() + 1)) {
        // SQLite finds the place in the index by the first column alone, and only when that is compared by itself: without
        // it, a late page goes over all that come before it.
        conditions.push(format!("{} <= ?", columns[0]));
        values.extend(place.first().cloned());
        let holes = holes(columns.len() + 1);
        conditions.push(format!("({}, run.number) < ({holes})", columns.join(", ")));
        values.extend(place);
    }
    let order: String = columns.iter().map(|column| format!("{column} DESC, ")).collect();
    let rest = format!("{} ORDER BY {order}run.number DESC LIMIT ?", clause(&conditions));
    let more: String = columns.iter().map(|column| format!(", {column}")).collect();
    values.push(Value::Integer(i64::from(filter.limit) + 1));
    select(&more, &rest)
}

fn clause(conditions: &[String]) -> String {
    if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) }
}

/// The conditions of a filter and the values of their `?`.
fn conditions(filter: &RunFilter) -> (Vec<String>, Vec<Value>) {
    let RunFilter { status, open, workflow, phase, source, text, from, to, sort: _, after: _, limit: _ } = filter;
    let mut conditions = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    if !status.is_empty() {
        // By the order of lists, which has an index.
        conditions.push(format!("run.status_order IN ({})", holes(status.len())));
        values.extend(status.iter().map(|status| Value::Integer(crate::store::run_row::status_order(Some(*status)))));
    }
    if let Some(open) = open {
        conditions.push(format!("run.open = {}", i32::from(*open)));
    }
    for (column, wanted) in [("workflow", workflow), ("phase", phase), ("source", source)] {
        if let Some(wanted) = wanted {
            conditions.push(format!("run.{column} = ?"));
            values.push(Value::Text(wanted.clone()));
        }
    }
    if let Some(text) = text {
        conditions.push(mentions(&SEARCHED, text, &mut values));
    }
    for (sign, bound) in [(">=", from), ("<", to)] {
        if let Some(bound) = bound {
            // Without a time a run is in no range of times.
            conditions.push(format!("run.first_event_at NOT NULL AND ifnull(run.first_event_at, -1) {sign} ?"));
            values.push(Value::Integer(bound.0));
        }
    }
    (conditions, values)
}

/// The columns of a run that a search looks into (spec 3.2).
pub(super) const SEARCHED: [&str; 6] =
    ["run.key", "run.title", "run.workflow", "run.candidate", "run.error", "run.status_reason"];

/// The condition that one of the columns holds a text; its values are added.
pub(super) fn mentions(columns: &[&str], text: &str, values: &mut Vec<Value>) -> String {
    let any: Vec<String> = columns.iter().map(|column| format!("{column} LIKE ? ESCAPE '\\'")).collect();
    let pattern = pattern(text);
    values.extend(columns.iter().map(|_| Value::Text(pattern.clone())));
    format!("({})", any.join(" OR "))
}

/// A LIKE pattern for text that holds no wildcard. SQLite takes patterns of up to 50,000 bytes; longer ones are cut.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    pattern.push('%');
    for letter in text.chars().take(5000) {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// The opaque key of a row: what it is sorted by, and its number.
fn pack(place: &[Value], number: u32) -> String {
    let mut text = String::new();
    for value in place {
        match value {
            Value::Real(real) => text.push_str(&format!("r{:x}.", real.to_bits())),
            Value::Integer(whole) => text.push_str(&format!("{whole}.")),
            // No column that is sorted by is null or text.
            Value::Null | Value::Text(_) | Value::Blob(_) => text.push_str("-1."),
        }
    }
    format!("{text}{number}")
}

/// What [`pack`] packed; nothing when it is something else.
fn unpack(after: &str, parts: usize) -> Option<Vec<Value>> {
    let values: Option<Vec<Value>> = after
        .split('.')
        .map(|part| match part.strip_prefix('r') {
            Some(bits) => u64::from_str_radix(bits, 16).ok().map(|bits| Value::Real(f64::from_bits(bits))),
            None => part.parse().ok().map(Value::Integer),
        })
        .collect();
    values.filter(|values| values.len() == parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::Place;

    #[test]
    fn a_late_page_is_found_in_an_index_whatever_the_list_is_sorted_by() {
        let place = Place::new();
        let _store = place.open();
        let connection = Connection::open(place.cache()).unwrap();
        for sort in [Sort::Started, Sort::LastLife, Sort::Duration, Sort::Cost, Sort::Status] {
            let after = Some(vec!["1"; sort.columns().len() + 1].join("."));
            let filter = RunFilter { sort, after, limit: 50, ..RunFilter::default() };
            let mut values = Vec::new();
            let sql = format!("EXPLAIN QUERY PLAN {}", below(&filter, Vec::new(), &mut values));
            let mut statement = connection.prepare(&sql).unwrap();
            let steps = statement.query_map(params_from_iter(&values), |row| row.get::<_, String>(3)).unwrap();
            let plan: Vec<String> = steps.map(Result::unwrap).collect();
            assert!(plan.iter().any(|step| step.starts_with("SEARCH run USING INDEX")), "{sort:?}: {plan:?}");
            assert!(plan.iter().all(|step| !step.contains("SCAN") && !step.contains("TEMP")), "{sort:?}: {plan:?}");
        }
    }
}
