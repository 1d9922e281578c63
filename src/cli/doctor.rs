//! `doctor`: what is watched, which lines are bad and why, and which dialect they were taken for.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use super::desk::Desk;
use super::error::CliError;
use super::screen::{Cell, Screen, Tone};
use super::settings::Settings;
use crate::ingest::elsewhere::{Others, others};
use crate::reducer::run::{Health, Tally};
use crate::reducer::visible::visible_bytes;
use crate::store::reader::Lists;
use crate::store::{LogRow, SourceStatus};

/// How many logs with something to say are shown; more are counted.
const MOST: usize = 50;

/// How much of a bad line is read to say why it is bad, and how much of it is shown.
const LOOK_AT: usize = 64 * 1024;
const SHOWN: usize = 80;

/// Say what is watched, which lines are bad and why
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch doctor ./state
  wheelwatch doctor --log-name '*.jsonl' ~/logs

Exit codes: 0 all is well; 1 something is wrong; 2 usage or refused configuration.")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) state: super::StateDirs,
}

/// Gives whether all is well.
pub(super) fn run(settings: &Settings, screen: &mut Screen) -> Result<bool, CliError> {
    let desk = Desk::open(settings)?;
    let mut well = source(&desk, settings, screen)?;
    let logs = desk.reader.logs()?;
    let mut dialects: BTreeMap<String, u64> = BTreeMap::new();
    let mut unshown = 0;
    let mut shown = 0;
    for log in &logs {
        let health =
            desk.reader.run(&log.key, Lists::None)?.map(|record| record.state.health.clone()).unwrap_or_default();
        for (dialect, lines) in health.dialects.iter() {
            *dialects.entry(dialect.to_owned()).or_default() += lines;
        }
        let remarks = remarks(log, &health);
        well &= remarks.iter().all(|remark| !remark.wrong);
        if remarks.is_empty() {
            continue;
        }
        if shown == MOST {
            unshown += 1;
            continue;
        }
        shown += 1;
        show(log, &remarks, &desk, settings, screen)?;
    }
    if unshown > 0 {
        screen.line(format!("{} logs have something to say, showing {shown}.", shown + unshown))?;
    }
    summary(&logs, &dialects, well, screen)?;
    if logs.is_empty() {
        elsewhere(settings, screen)?;
    }
    Ok(well)
}

/// The state directories and how they are watched; gives whether all of them can be read.
fn source(desk: &Desk, settings: &Settings, screen: &mut Screen) -> Result<bool, CliError> {
    let source = &settings.source;
    let how = if source.poll { "scan only (--poll)" } else { "events and scan, where the system allows events" };
    screen.line(format!("Logs: {}, at most {} directories deep, watched by {how}", source.log_name, source.depth))?;
    let mut well = true;
    let status = desk.status.clone().unwrap_or_default();
    for root in &source.roots {
        let given = root.path.display().to_string();
        let problem = problem_of(&given, &root.path, &status);
        well &= problem.is_none();
        screen.cells(&[
            Cell::from(format!("State directory: {given}")),
            Cell::new(Tone::Bad, problem.unwrap_or_default()),
        ])?;
    }
    screen.line(match desk.kept_by {
        Some(pid) => format!("Cache: {} (kept by process {pid})", settings.cache.display()),
        None => format!("Cache: {}", settings.cache.display()),
    })?;
    if let Some(problem) = &status.cache_problem {
        well = false;
        screen.line(Cell::new(Tone::Bad, problem.as_str()))?;
    }
    screen.line(format!("SQLite: {}", desk.reader.sqlite_version()?))?;
    Ok(well)
}

/// What ingest said of a state directory; when a server reads it, what a look at it says.
fn problem_of(given: &str, path: &std::path::Path, status: &SourceStatus) -> Option<String> {
    match status.roots.iter().find(|(root, _)| root == given) {
        Some((_, problem)) => problem.clone(),
        None => std::fs::read_dir(path).err().map(|error| format!("cannot be read: {error}")),
    }
}

/// What may be logs under other names.
fn elsewhere(settings: &Settings, screen: &mut Screen) -> Result<(), CliError> {
    for root in &settings.source.roots {
        for Others { pattern, files, example } in others(&root.path) {
            let (given, example) = (root.path.display(), example.display());
            let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
            screen.line(format!("  {files} in {given} may be logs, such as {example}: try --log-name '{pattern}'"))?;
        }
    }
    Ok(())
}

/// One thing to say about a log.
struct Remark {
    text: String,
    /// The first line that shows it.
    line: Option<u64>,
    /// Something is wrong with the log, not only unusual.
    wrong: bool,
    /// The line is looked at again to say why.
    explain: bool,
}

fn remarks(log: &LogRow, health: &Health) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut plain = |text: String, wrong| remarks.push(Remark { text, line: None, wrong, explain: false });
    match &log.problem {
        // That a run's directory was tidied away is no defect.
        Some(problem) => plain(problem.text.clone(), !log.gone),
        None if log.gone => plain("the log is gone; what it said last is kept".into(), false),
        None => {}
    }
    if log.rotated {
        plain(format!("another file took the log's name {} times", log.cursor.generation.saturating_sub(1)), false);
    }
    if log.pending_bytes > 0 {
        plain(format!("unterminated tail, {} bytes: no line yet", log.pending_bytes), false);
    }
    let Health { untimed, bad_times, wrong_types, duplicate_keys, unread_elements, .. } = health;
    let Health { unknown_names, malformed, oversized, .. } = health;
    let mut counted = |tally: &Tally, [one, many]: [&str; 2], wrong, explain| {
        if tally.count > 0 {
            let text = format!("{} {}", tally.count, if tally.count == 1 { one } else { many });
            remarks.push(Remark { text, line: Some(tally.first_line), wrong, explain });
        }
    };
    counted(malformed, ["malformed line", "malformed lines"], true, true);
    counted(oversized, ["line over the limit (--max-line)", "lines over the limit (--max-line)"], true, false);
    counted(bad_times, ["value that is no time", "values that are no time"], true, false);
    counted(
        wrong_types,
        ["value of the wrong type, passed over", "values of the wrong type, passed over"],
        true,
        false,
    );
    let unread = ["element of a list too long to be events", "elements of lists too long to be events"];
    counted(unread_elements, unread, true, false);
    counted(duplicate_keys, ["key given twice; the last counts", "keys given twice; the last counts"], true, false);
    counted(
        unknown_names,
        ["event whose name says nothing known", "events whose names say nothing known"],
        false,
        false,
    );
    // A log without any time, or a plain text log, is not unusual; single events without one are.
    if untimed.count > 0 && health.last_line_timed {
        counted(untimed, ["event without a time", "events without a time"], false, false);
    }
    remarks
}

fn show(
    log: &LogRow,
    remarks: &[Remark],
    desk: &Desk,
    settings: &Settings,
    screen: &mut Screen,
) -> Result<(), CliError> {
    screen.line("")?;
    screen.cells(&[Cell::new(Tone::Strong, log.key.as_str()), Cell::new(Tone::Quiet, log.path.as_str())])?;
    for remark in remarks {
        let first = remark.line.map_or_else(String::new, |line| format!("(first: line {line})"));
        let tone = if remark.wrong { Tone::Bad } else { Tone::Quiet };
        screen.cells(&[Cell::new(tone, "  -"), Cell::from(remark.text.as_str()), Cell::new(Tone::Quiet, first)])?;
        let Some(line) = remark.line.filter(|_| remark.explain) else { continue };
        if let Some(why) = why(&log.key, line, desk, settings)? {
            screen.line(why)?;
        }
    }
    Ok(())
}

/// What a JSON reader says about a malformed line, and how the line begins.
fn why(key: &str, line: u64, desk: &Desk, settings: &Settings) -> Result<Option<String>, CliError> {
    let Some(row) = desk.reader.line(key, line)? else { return Ok(None) };
    let length = usize::try_from(row.length).unwrap_or(usize::MAX).min(LOOK_AT);
    // The log may have changed meanwhile; then there is nothing to explain.
    let Ok(bytes) = desk.logs(settings).read(key, row.offset, length) else { return Ok(None) };
    let reason = match serde_json::from_slice::<IgnoredAny>(&bytes) {
        Ok(_) => "deeper than it may be, or not UTF-8".to_owned(),
        Err(error) => error.to_string(),
    };
    let begin: String = visible_bytes(&bytes).chars().take(SHOWN).collect();
    Ok(Some(format!("      {reason}: {begin}")))
}

fn summary(logs: &[LogRow], dialects: &BTreeMap<String, u64>, well: bool, screen: &mut Screen) -> Result<(), CliError> {
    let dialects: Vec<String> = dialects.iter().map(|(name, lines)| format!("{name} {lines}")).collect();
    screen.line("")?;
    screen.line(format!("{} logs; lines by dialect: {}", logs.len(), dialects.join(", ")))?;
    screen.line(match (well, logs) {
        (true, []) => Cell::new(Tone::Warn, "No log was found."),
        (true, _) => Cell::new(Tone::Good, "All is well."),
        (false, _) => Cell::new(Tone::Bad, "Something is wrong, see above."),
    })?;
    Ok(())
}
