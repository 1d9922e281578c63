//! `wait`: returns when runs have ended, or when one needs a person; the exit code says which.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::again::{self, Pace};
use super::error::CliError;
use super::options;
use super::screen::{Cell, Screen, Tone};
use super::settings::Settings;
use super::{StateDirs, show};
use crate::app;
use crate::query::Judged;
use crate::reducer::run::{Status, value};

/// Wait until runs have ended, or one needs a person
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch wait run-1 && ./deploy
  wheelwatch wait run-1 run-2 --until ended --timeout 2h -- ./state
  wheelwatch wait run-1 --timeout 30m; test $? -eq 13 && notify-send 'run-1 needs you'

State directories stand behind `--`, since several runs can be named. Of several runs it waits until all of them have ended,
and with `--until attention` (the default) only until the first one needs a person. The exit code is the first of this list
that is true of any of them: 13, 10, 11, 12, 0. A run that was abandoned without an end is waited for: it may come back.

Exit codes: 0 completed; 10 failed; 11 timed out; 12 cancelled; 13 needs a person; 14 the time of --timeout is over; 1 there
is no such run; 2 usage or refused configuration.")]
pub(super) struct Args {
    /// The keys of runs, as `status` prints them
    #[arg(value_name = "RUN", required = true)]
    keys: Vec<String>,

    /// State directories: a run is a directory below that holds a run.log [default: ./state]
    #[arg(value_name = "STATE_DIR", last = true)]
    directories: Vec<std::path::PathBuf>,

    /// What to wait for: the end alone, or also a run that needs a person
    #[arg(long, value_enum, default_value_t = Until::Attention)]
    until: Until,

    /// How long at most, such as 45s, 10m or "1h 30m"
    #[arg(long, value_name = "DURATION", value_parser = options::millis)]
    timeout: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Until {
    Ended,
    Attention,
}

impl Args {
    pub(super) fn state(&self) -> StateDirs {
        StateDirs { directories: self.directories.clone() }
    }
}

/// How the waiting went, with the exit code of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    NeedsPerson = 13,
    Failed = 10,
    TimedOut = 11,
    Cancelled = 12,
    Completed = 0,
}

/// The exit code when the time of `--timeout` is over.
const TIME: u8 = 14;

pub(super) fn run(args: &Args, settings: &Settings, screen: &mut Screen) -> Result<ExitCode, CliError> {
    let began = Instant::now();
    let end = args.timeout.and_then(|millis| Instant::now().checked_add(Duration::from_millis(millis)));
    again::look(settings, Pace::default(), |desk| {
        let (query, now) = (desk.query(settings), app::now());
        let mut runs = Vec::new();
        for key in &args.keys {
            match query.run_open(key, now)? {
                Some(run) => runs.push(run),
                None if desk.kept_by.is_some() && began.elapsed() < again::NOT_YET => {
                    return Ok(ControlFlow::Continue(end));
                }
                None => return Err(show::unknown(key, &query, now)),
            }
        }
        let found: Vec<_> = runs.iter().map(|run| found(run, args.until)).collect();
        let code = match decide(&found) {
            Some(found) => found as u8,
            None if end.is_some_and(|end| end <= Instant::now()) => TIME,
            None => return Ok(ControlFlow::Continue(end)),
        };
        say(&runs, screen)?;
        Ok(ControlFlow::Break(ExitCode::from(code)))
    })
}

/// What of a run is worth returning for.
fn found(run: &Judged, until: Until) -> Option<Found> {
    match value(&run.record.state.run.status) {
        Some(Status::Completed) => Some(Found::Completed),
        Some(Status::Failed) => Some(Found::Failed),
        Some(Status::TimedOut) => Some(Found::TimedOut),
        Some(Status::Cancelled) => Some(Found::Cancelled),
        None | Some(Status::Queued | Status::Running | Status::NeedsHuman) => {
            (until == Until::Attention && !run.attention.is_empty()).then_some(Found::NeedsPerson)
        }
    }
}

/// Whether the waiting is over, and with what: one that needs a person is enough, otherwise all must have ended.
fn decide(runs: &[Option<Found>]) -> Option<Found> {
    if runs.contains(&Some(Found::NeedsPerson)) {
        return Some(Found::NeedsPerson);
    }
    let ended: Option<Vec<Found>> = runs.iter().copied().collect();
    let order = [Found::Failed, Found::TimedOut, Found::Cancelled, Found::Completed];
    order.into_iter().find(|found| ended.as_ref().is_some_and(|ended| ended.contains(found)))
}

fn say(runs: &[Judged], screen: &mut Screen) -> Result<(), CliError> {
    let row = |run: &Judged| {
        vec![
            Cell::new(Tone::Strong, run.record.key.as_str()),
            Cell::from(value(&run.record.state.run.status).map_or("-", |status| status.as_str())),
            Cell::new(Tone::of(run.verdict.word), run.verdict.word.label(run.verdict.rule)),
            Cell::from(run.verdict.sentence.as_str()),
        ]
    };
    Ok(screen.table(&runs.iter().map(row).collect::<Vec<_>>())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_needs_a_person_is_enough_and_the_worst_end_decides() {
        use Found::{Cancelled, Completed, Failed, NeedsPerson, TimedOut};
        let cases: &[(&[Option<Found>], Option<u8>)] = &[
            (&[None], None),
            (&[Some(Completed)], Some(0)),
            (&[Some(Completed), None], None),
            (&[Some(Failed), None], None),
            (&[None, Some(NeedsPerson)], Some(13)),
            (&[Some(Failed), Some(NeedsPerson)], Some(13)),
            (&[Some(Completed), Some(Failed), Some(TimedOut)], Some(10)),
            (&[Some(Cancelled), Some(TimedOut)], Some(11)),
            (&[Some(Completed), Some(Cancelled)], Some(12)),
        ];
        for (runs, expected) in cases {
            assert_eq!(decide(runs).map(|found| found as u8), *expected, "{runs:?}");
        }
    }
}
