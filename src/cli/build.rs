//! `build`: reduces everything into the cache, prints counts, ends.

use std::time::Instant;

use indicatif::HumanBytes;

use super::desk;
use super::error::CliError;
use super::screen::{Cell, Screen};
use super::settings::Settings;
use crate::ingest::{Built, engine::Stage};

/// Reduce everything into the cache, print counts, end
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch build ./state
  wheelwatch build --runs-only --cache /tmp/runs.db ./state

Exit codes: 0 done; 2 usage or refused configuration; 3 the cache is in use.")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) state: super::StateDirs,

    /// Reduce the runs without the rows of their events, and without the steps, markers and artifacts of those that have
    /// ended; who wants those later reads the logs once more
    #[arg(long)]
    runs_only: bool,
}

pub(super) fn run(args: &Args, settings: &Settings, screen: &mut Screen) -> Result<(), CliError> {
    let stage = if args.runs_only { Stage::Runs } else { Stage::All };
    let began = Instant::now();
    let (store, built) = desk::open_and_build(settings, stage)?;
    let took = began.elapsed();
    let Built { runs, lines, events, bytes, read, problems } = built;
    screen.table(&[
        vec!["runs".into(), runs.to_string().into()],
        vec!["lines".into(), lines.to_string().into()],
        vec!["events".into(), events.to_string().into()],
        vec!["problems".into(), problems.to_string().into()],
        vec!["logs".into(), HumanBytes(bytes).to_string().into()],
        vec!["read now".into(), format!("{} in {took:.2?}, {}", HumanBytes(read), desk::rate(read, took)).into()],
        vec!["cache".into(), place(&store)],
    ])?;
    Ok(())
}

fn place(store: &crate::store::Store) -> Cell {
    match &store.path {
        Some(path) => path.display().to_string().into(),
        None => "in memory: nothing was kept".into(),
    }
}
