//! `status`: open runs, and what needs a person.

use serde_json::json;

use super::desk::Desk;
use super::error::CliError;
use super::json::SCHEMA;
use super::screen::{Cell, Screen, Tone};
use super::settings::Settings;
use crate::app;
use crate::query::{Item, Judged, JudgedPage, document};
use crate::reducer::duration::duration;
use crate::reducer::run::value;
use crate::reducer::time::Micros;
use crate::store::reader::RunFilter;

/// How many open runs are shown; more are counted.
const MOST: u32 = 100;

/// Show open runs and what needs a person
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch status ./state
  wheelwatch status --json ./state | jq '.attention.count'")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) state: super::StateDirs,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, settings: &Settings, screen: &mut Screen) -> Result<(), CliError> {
    let desk = Desk::open(settings)?;
    let query = desk.query(settings);
    let now = app::now();
    let filter = RunFilter { open: Some(true), limit: MOST, ..RunFilter::default() };
    let open = query.runs(&filter, None, now)?;
    let attention = query.attention(now)?;
    if args.json {
        let document = json!({
            "schema": SCHEMA,
            "runs": open.runs.iter().map(|judged| judged.summary(now)).collect::<Vec<_>>(),
            "total": open.total,
            "attention": {
                "count": attention.len(),
                "items": attention.iter().map(document::item).collect::<Vec<_>>(),
            },
        });
        return Ok(screen.json(&document)?);
    }
    show_open(&open, settings, now, screen)?;
    show_attention(&attention, now, screen)
}

fn show_open(open: &JudgedPage, settings: &Settings, now: Micros, screen: &mut Screen) -> Result<(), CliError> {
    if open.runs.is_empty() {
        screen.line(format!("No open run in {}.", settings.watched()))?;
        return Ok(());
    }
    let head = ["VERDICT", "STATUS", "RUN", "PHASE", "CANDIDATE", "STEPS", "LIFE", "PROGRESS"];
    let mut rows = vec![head.iter().map(|name| Cell::new(Tone::Quiet, *name)).collect()];
    rows.extend(open.runs.iter().map(|judged| row(judged, now)));
    screen.table(&rows)?;
    let shown = u64::try_from(open.runs.len()).unwrap_or(u64::MAX);
    if open.total > shown {
        screen.line(Cell::new(Tone::Quiet, format!("{} open runs, showing {shown}.", open.total)))?;
    }
    Ok(())
}

fn row(judged: &Judged, now: Micros) -> Vec<Cell> {
    let run = &judged.record.state.run;
    let counters = &judged.record.state.counters;
    let word = judged.verdict.word;
    let text = |known: Option<&String>| Cell::from(known.map_or("-", String::as_str));
    let steps = match (value(&run.steps_total), counters.steps_done) {
        (Some(total), done) => format!("{done}/{total}"),
        (None, 0) => String::from("-"),
        (None, done) => done.to_string(),
    };
    vec![
        Cell::new(Tone::of(word), word.label(judged.verdict.rule)),
        Cell::from(value(&run.status).map_or("-", |status| status.as_str())),
        Cell::new(Tone::Strong, judged.record.key.as_str()),
        text(value(&run.phase)),
        text(value(&run.candidate)),
        steps.into(),
        age(value(&run.last_life_at).copied().or(judged.record.modified), now).into(),
        age(value(&run.last_progress_at).copied(), now).into(),
    ]
}

fn show_attention(attention: &[Item], now: Micros, screen: &mut Screen) -> Result<(), CliError> {
    screen.line("")?;
    if attention.is_empty() {
        screen.line("Nothing needs you.")?;
        return Ok(());
    }
    screen.line(Cell::new(Tone::Strong, format!("Needs you: {}", attention.len())))?;
    let row = |item: &Item| {
        vec![
            Cell::new(Tone::Warn, item.entry.reason.as_str()),
            Cell::new(Tone::Strong, item.run.record.key.as_str()),
            Cell::from(item.entry.line.map_or_else(String::new, |line| format!("line {line}"))),
            Cell::from(age(item.entry.since, now)),
            Cell::from(item.entry.sentence.as_str()),
        ]
    };
    screen.table(&attention.iter().map(row).collect::<Vec<_>>())?;
    Ok(())
}

/// How long ago, never negative; `-` when nobody knows.
fn age(at: Option<Micros>, now: Micros) -> String {
    at.map_or_else(|| "-".into(), |at| duration(now.millis_since(at).unwrap_or(0)))
}
