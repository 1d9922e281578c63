//! `demo`: a simulated harness writes several runs into a temporary state directory, and the dashboard shows them live.
//!
//! What the harness does is the `script`, pure data; the `player` writes it at the right moments. The dashboard is the
//! real one: it knows nothing but the files.

mod player;
mod script;

use std::path::PathBuf;

use super::error::CliError;
use super::options::Options;
use super::serve;
use super::settings::Settings;
use crate::reducer::verdict::Limits;

/// Watch a simulated harness: several runs, live, in a temporary directory
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch demo
  wheelwatch demo --open --speed 4
  wheelwatch demo --port 0

The runs: one goes through build, hardening and verify; one gets stuck; one asks to hand over; one waits for an
approval; one fails with a stack trace. They begin again every two and a half minutes. The directory is removed at the end.
Limits are those of the demo: a run is silent after 40 s. The configuration file is not read.")]
pub(super) struct Args {
    /// How many times faster than real time the harness works
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=100.0).contains(&speed) => Ok(speed),
        _ => Err(String::from("a number from 0.1 to 100")),
    }
}

pub(super) fn run(args: &Args, options: &Options) -> Result<(), CliError> {
    let failed = |doing: &str| {
        let doing = doing.to_owned();
        move |source| CliError::System { doing, source }
    };
    let directory = tempfile::Builder::new()
        .prefix("wheelwatch-demo-")
        .tempdir()
        .map_err(failed("a temporary directory for the demo could not be made"))?;
    let state = directory.path().join("state");
    std::fs::create_dir(&state).map_err(failed("the demo's state directory could not be made"))?;

    let settings = settings(options, directory.path().join("cache.db"), state.clone());
    let player = player::start(state, args.speed).map_err(failed("the demo's harness could not be started"))?;
    // The server can write nowhere but beside its cache, in a thread of its own: this one has the directory to remove.
    let served = std::thread::scope(|scope| scope.spawn(|| serve::run(settings)).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    player.stop();
    directory.close().map_err(failed("the demo's directory could not be removed"))?;
    served
}

/// Settings that only the options decide: a demo must look the same whatever is configured.
fn settings(options: &Options, cache: PathBuf, state: PathBuf) -> Settings {
    let mut settings = Settings::of_demo(options, cache, state);
    settings.policy.limits = Limits { silence_ms: 40_000, heartbeat_ms: 20_000, ..Limits::default() };
    settings
}
