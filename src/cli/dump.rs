//! `dump`: all reduced state, with nothing in it that depends on the clock (spec 4.2).

use std::time::{Duration, Instant};

use super::desk::Desk;
use super::error::CliError;
use super::screen::Screen;
use super::settings::Settings;

/// How long a server may need to write the event rows that the dump counts, of logs that were reduced without them.
const PATIENCE: Duration = Duration::from_secs(120);

/// Print all reduced state, sorted, with nothing that depends on the clock
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch dump ./state
  wheelwatch dump --canonical ./state | sha256sum")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) state: super::StateDirs,

    /// On one line without white space, to be compared byte by byte
    #[arg(long)]
    canonical: bool,
}

pub(super) fn run(args: &Args, settings: &Settings, screen: &mut Screen) -> Result<(), CliError> {
    let desk = Desk::open(settings)?;
    let document = wait_for_dump(&desk)?;
    if args.canonical {
        return Ok(screen.canonical(&document)?);
    }
    match serde_json::from_str::<serde_json::Value>(&document) {
        Ok(value) => Ok(screen.json(&value)?),
        Err(_) => Ok(screen.canonical(&document)?),
    }
}

/// The dump, as soon as a server that keeps the cache has written the event rows.
fn wait_for_dump(desk: &Desk) -> Result<String, CliError> {
    let began = Instant::now();
    loop {
        if let Some(document) = desk.reader.dump()? {
            return Ok(document);
        }
        if began.elapsed() > PATIENCE {
            let text = "the server that keeps this cache is still reading logs; try again later";
            return Err(CliError::System { doing: text.into(), source: std::io::ErrorKind::TimedOut.into() });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
