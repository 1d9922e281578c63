//! `show`: one run, every value with the line of the log that proves it.

use super::desk::Desk;
use super::error::CliError;
use super::json;
use super::screen::{Cell, Screen, Tone};
use super::settings::Settings;
use crate::app;
use crate::query::{Commands, Judged, Query};
use crate::reducer::duration::duration;
use crate::reducer::marker::Marker;
use crate::reducer::run::{Fact, Run, value};
use crate::reducer::span::{Span, SpanKind};
use crate::reducer::time::Micros;
use crate::store::reader::RunFilter;

/// Show one run with its evidence
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch show run-1 ./state
  wheelwatch show nightly/run-7 --at 812 ./state
  wheelwatch show run-1 --json ./state | jq .run.phase

Exit codes: 0 shown; 1 there is no such run; 2 usage or refused configuration.")]
pub(super) struct Args {
    /// The run's key, as `status` prints it
    #[arg(value_name = "RUN")]
    key: String,

    #[command(flatten)]
    pub(super) state: super::StateDirs,

    /// The run as it was after this line of its log
    #[arg(long, value_name = "LINE", value_parser = clap::value_parser!(u64).range(1..))]
    at: Option<u64>,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, settings: &Settings, screen: &mut Screen) -> Result<(), CliError> {
    let desk = Desk::open(settings)?;
    let query = desk.query(settings);
    let now = app::now();
    let judged = match args.at {
        None => query.run(&args.key, now)?,
        Some(_) if !query.is_known(&args.key)? => None,
        Some(line) => query.run_at(&args.key, line, desk.logs(settings).state_at(&args.key, line)?, now)?,
    };
    let Some(judged) = judged else { return Err(unknown(&args.key, &query, now)) };
    // What everything of the past is measured against.
    let now = args.at.and(judged.record.modified).unwrap_or(now);
    if args.json {
        return Ok(screen.json(&json::run(&judged, now))?);
    }
    head(&judged, args.at, screen)?;
    values(&judged, now, screen)?;
    markers(&judged, screen)?;
    spans(&judged, now, screen)?;
    errors(&judged, screen)?;
    artifacts(&judged, screen)?;
    commands(&judged, &settings.commands, screen)
}

/// The error for a key that is none, with up to five that hold the text.
pub(super) fn unknown(key: &str, query: &Query, now: Micros) -> CliError {
    let filter = RunFilter { text: Some(key.to_owned()), limit: 5, ..RunFilter::default() };
    let near: Vec<String> = match query.runs(&filter, None, now) {
        Ok(page) => page.runs.iter().map(|judged| judged.record.key.clone()).collect(),
        Err(_) => Vec::new(),
    };
    let hint = match near.as_slice() {
        [] => String::from("; `wheelwatch status` prints the keys of open runs"),
        near => format!("; did you mean {}?", near.join(" or ")),
    };
    CliError::UnknownRun { key: key.to_owned(), hint }
}

fn head(judged: &Judged, at: Option<u64>, screen: &mut Screen) -> Result<(), CliError> {
    let record = &judged.record;
    let verdict = &judged.verdict;
    screen.cells(&[
        Cell::new(Tone::Strong, judged.title()),
        Cell::new(Tone::Quiet, record.key.as_str()),
        Cell::new(Tone::Quiet, at.map_or_else(String::new, |line| format!("as it was after line {line}"))),
    ])?;
    let evidence = match verdict.evidence.as_slice() {
        [] => String::new(),
        lines => format!("(line {})", lines.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
    };
    screen.cells(&[
        Cell::new(Tone::of(verdict.word), verdict.word.label(verdict.rule)),
        Cell::from(verdict.sentence.as_str()),
        Cell::new(Tone::Quiet, evidence),
    ])?;
    if !verdict.clears.is_empty() {
        screen.line(Cell::new(Tone::Quiet, verdict.clears.as_str()))?;
    }
    Ok(())
}

fn values(judged: &Judged, now: Micros, screen: &mut Screen) -> Result<(), CliError> {
    let run = &judged.record.state.run;
    let counters = &judged.record.state.counters;
    let mut rows = Vec::new();
    let mut add = |name: &str, shown: Option<(String, u64)>| {
        if let Some((text, line)) = shown {
            rows.push(vec![Cell::new(Tone::Quiet, name), text.into(), Cell::new(Tone::Quiet, format!("line {line}"))]);
        }
    };
    add("status", shown(&run.status, |status| status.as_str().into()));
    add("reason", shown(&run.status_reason, Clone::clone));
    add("workflow", shown(&run.workflow, Clone::clone));
    add("phase", shown(&run.phase, Clone::clone));
    add("candidate", shown(&run.candidate, Clone::clone));
    add("attempt", shown(&run.attempt, |attempt| of(attempt, value(&run.max_attempts))));
    add("score", shown(&run.score, |score| of(score, value(&run.pass_threshold))));
    add("steps", steps(run, counters.steps_done));
    add("holder", shown(&run.holder, |holder| holder.as_str().into()));
    add("claimed by", shown(&run.claimed_by, Clone::clone));
    add("retry of", shown(&run.retry_of, Clone::clone));
    for (name, time) in [
        ("queued", &run.queued_at),
        ("started", &run.started_at),
        ("cancel requested", &run.cancel_requested_at),
        ("deadline", &run.deadline),
        ("ended", &run.ended_at),
        ("last life", &run.last_life_at),
        ("last progress", &run.last_progress_at),
    ] {
        add(name, shown(time, |time| time.to_rfc3339()));
    }
    add("cost", shown(&run.cost_usd, |cost| format!("${cost:.4}")));
    add("tokens in", shown(&run.tokens_in, u64::to_string));
    add("tokens out", shown(&run.tokens_out, u64::to_string));
    if let Some(millis) = judged.summary(now).duration_ms {
        rows.push(vec![Cell::new(Tone::Quiet, "duration"), duration(millis).into()]);
    }
    let log = &judged.record.log;
    rows.push(vec![
        Cell::new(Tone::Quiet, "log"),
        format!("{}, {} lines, complete up to byte {}", log.path, counters.lines.total(), log.cursor.offset).into(),
    ]);
    if let Some(problem) = &log.problem {
        rows.push(vec![Cell::new(Tone::Bad, "problem"), problem.text.as_str().into()]);
    }
    screen.line("")?;
    screen.table(&rows)?;
    Ok(())
}

fn shown<T>(known: &Option<Fact<T>>, text: impl Fn(&T) -> String) -> Option<(String, u64)> {
    known.as_ref().map(|fact| (text(&fact.value), fact.line))
}

fn of<T: std::fmt::Display>(value: &T, most: Option<&T>) -> String {
    most.map_or_else(|| value.to_string(), |most| format!("{value} of {most}"))
}

fn steps(run: &Run, done: u64) -> Option<(String, u64)> {
    run.steps_total.as_ref().map(|total| (format!("{done} of {}", total.value), total.line))
}

fn markers(judged: &Judged, screen: &mut Screen) -> Result<(), CliError> {
    let row = |marker: &Marker| {
        let state = match &marker.resolution {
            None => Cell::new(Tone::Warn, "open"),
            Some(resolution) => Cell::new(Tone::Quiet, resolution.as_str()),
        };
        let lines = match marker.closed_line {
            None => format!("line {}", marker.opened_line),
            Some(closed) => format!("line {}, {closed}", marker.opened_line),
        };
        let what = [marker.action.as_deref(), marker.integration.as_deref(), marker.reason.as_deref()];
        vec![
            Cell::from(marker.kind.as_str()),
            Cell::from(marker.id.as_str()),
            state,
            Cell::from(what.into_iter().flatten().collect::<Vec<_>>().join(", ")),
            Cell::new(Tone::Quiet, lines),
        ]
    };
    list("Markers", judged.record.state.markers.iter().map(row).collect(), screen)
}

fn spans(judged: &Judged, now: Micros, screen: &mut Screen) -> Result<(), CliError> {
    let shown = |span: &&Span| !matches!(span.kind, SpanKind::Tool | SpanKind::Span);
    let row = |span: &Span| {
        let took =
            span.duration_ms.or_else(|| span.started_at.filter(|_| span.is_open()).and_then(|at| now.millis_since(at)));
        let cache = span.cache_hit.map_or("", |hit| if hit { "cache hit" } else { "cache miss" });
        vec![
            Cell::from(span.kind.as_str()),
            Cell::from(span.id.as_deref().or(span.name.as_deref()).unwrap_or("-")),
            Cell::from(span.status.as_str()),
            Cell::from(span.attempt.map_or_else(String::new, |attempt| format!("attempt {attempt}"))),
            Cell::from(took.map_or_else(|| "-".into(), duration)),
            Cell::from(cache),
            Cell::new(Tone::Quiet, format!("line {}", span.opened_line)),
        ]
    };
    list("Spans", judged.record.state.spans.iter().filter(shown).map(row).collect(), screen)
}

fn errors(judged: &Judged, screen: &mut Screen) -> Result<(), CliError> {
    let Some(error) = &judged.record.state.run.error else { return Ok(()) };
    screen.line("")?;
    screen.cells(&[
        Cell::new(Tone::Bad, "Error"),
        Cell::from(error.value.kind.as_deref().unwrap_or_default()),
        Cell::from(error.value.message.as_deref().unwrap_or_default()),
        Cell::new(Tone::Quiet, format!("line {}", error.line)),
    ])?;
    if let Some(stack) = &error.value.stack {
        screen.block(stack)?;
    }
    Ok(())
}

fn artifacts(judged: &Judged, screen: &mut Screen) -> Result<(), CliError> {
    let rows = judged.record.state.artifacts.iter().map(|artifact| {
        vec![Cell::from(artifact.path.as_str()), Cell::new(Tone::Quiet, format!("line {}", artifact.line))]
    });
    list("Artifacts", rows.collect(), screen)
}

/// What a person could run now, from the templates of the configuration (spec 3.4).
fn commands(judged: &Judged, commands: &Commands, screen: &mut Screen) -> Result<(), CliError> {
    let lines = commands.of_run(judged).into_iter().map(|command| vec![Cell::from(command.line)]);
    list("You could run", lines.collect(), screen)
}

fn list(title: &str, rows: Vec<Vec<Cell>>, screen: &mut Screen) -> Result<(), CliError> {
    if rows.is_empty() {
        return Ok(());
    }
    screen.line("")?;
    screen.line(Cell::new(Tone::Strong, title))?;
    screen.table(&rows)?;
    Ok(())
}
