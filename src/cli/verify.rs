//! `verify`: every log reduced again from its first byte, and compared with the cache.

use serde_json::json;

use super::desk::Desk;
use super::error::CliError;
use super::json::SCHEMA;
use super::screen::{Cell, Screen, Tone};
use super::settings::Settings;
use crate::ingest::verify::{Verified, verify};

/// How many differences of one run are shown; more are counted.
const MOST: usize = 20;

/// How much of a value is shown.
const SHOWN: usize = 80;

/// Reduce again from the first byte and compare with the cache
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch verify ./state
  wheelwatch verify --json ./state | jq '.runs[].mismatches'

What differs is named by its path, with the line of the log to look at. If something does, delete the cache; it is made
again from the logs. Please report it, too.

Exit codes: 0 the cache says what the logs say; 1 a difference; 2 usage or refused configuration.")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) state: super::StateDirs,

    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Gives whether the cache says what the logs say.
pub(super) fn run(args: &Args, settings: &Settings, screen: &mut Screen) -> Result<bool, CliError> {
    let desk = Desk::open(settings)?;
    let logs = desk.logs(settings);
    let mut verified = Vec::new();
    for log in desk.reader.logs()? {
        let found = verify(&desk.reader, &logs, &log.key)?;
        verified.push((log.key, found));
    }
    let differ = verified.iter().filter(|(_, run)| !run.mismatches.is_empty()).count();
    if args.json {
        screen.json(&document(&verified, differ))?;
        return Ok(differ == 0);
    }
    for (key, run) in &verified {
        show(key, run, screen)?;
    }
    let compared = verified.iter().filter(|(_, run)| run.skipped.is_none()).count();
    let snapshots: u64 = verified.iter().map(|(_, run)| run.snapshots).sum();
    let text = format!("{compared} runs and {snapshots} snapshots compared, {differ} runs differ");
    screen.line(Cell::new(if differ == 0 { Tone::Good } else { Tone::Bad }, text))?;
    Ok(differ == 0)
}

fn show(key: &str, run: &Verified, screen: &mut Screen) -> Result<(), CliError> {
    if let Some(why) = &run.skipped {
        screen.cells(&[Cell::new(Tone::Strong, key), Cell::new(Tone::Quiet, format!("not compared: {why}"))])?;
        return Ok(());
    }
    if run.mismatches.is_empty() {
        return Ok(());
    }
    screen.line(Cell::new(Tone::Strong, key))?;
    let head = ["  WHERE", "CACHE", "LOG", "LINE"];
    let mut rows = vec![head.iter().map(|name| Cell::new(Tone::Quiet, *name)).collect::<Vec<_>>()];
    rows.extend(run.mismatches.iter().take(MOST).map(|m| {
        vec![
            Cell::new(Tone::Bad, format!("  {}", m.path)),
            Cell::from(short(&m.first)),
            Cell::from(short(&m.second)),
            Cell::new(Tone::Quiet, m.line.map_or_else(|| "-".to_owned(), |line| line.to_string())),
        ]
    }));
    screen.table(&rows)?;
    if run.mismatches.len() > MOST {
        screen.line(format!("  {} differences, showing {MOST}", run.mismatches.len()))?;
    }
    Ok(())
}

fn short(text: &str) -> String {
    if text.is_empty() {
        return "nothing".to_owned();
    }
    let short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

fn document(verified: &[(String, Verified)], differ: usize) -> serde_json::Value {
    let runs = verified.iter().map(|(key, run)| {
        let mismatches = run
            .mismatches
            .iter()
            .map(|m| json!({ "path": m.path, "cache": m.first, "log": m.second, "line": m.line }))
            .collect::<Vec<_>>();
        json!({ "key": key, "skipped": run.skipped, "snapshots": run.snapshots, "mismatches": mismatches })
    });
    json!({ "schema": SCHEMA, "differ": differ, "runs": runs.collect::<Vec<_>>() })
}
