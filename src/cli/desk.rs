//! What the one-off commands work at: the cache, brought up to date from the files, also when no server runs.
//!
//! A server that keeps the same cache keeps it up to date itself; then this only reads.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::error::CliError;
use super::settings::Settings;
use crate::app;
use crate::ingest::{self, Built, LogAccess, engine::Stage};
use crate::query::Query;
use crate::store::{self, Reader, SourceStatus, Store, StoreError};

/// An up-to-date cache to ask.
pub(super) struct Desk {
    pub(super) reader: Reader,
    /// How the source looked while reading; `None` when another process reads it.
    pub(super) status: Option<SourceStatus>,
    /// The process that keeps the cache, when it is not this one.
    pub(super) kept_by: Option<u32>,
    /// Keeps the cache locked, and in memory when it has no file, as long as it is asked.
    _store: Option<Store>,
}

impl Desk {
    /// Opens the cache and reads what is new, unless another process keeps it.
    ///
    /// # Errors
    /// What the store or ingest say; a cache in use is none.
    pub(super) fn open(settings: &Settings) -> Result<Self, CliError> {
        Self::with(settings, &bar())
    }

    /// The same, without a progress bar.
    pub(super) fn open_again(settings: &Settings) -> Result<Self, CliError> {
        Self::with(settings, &ProgressBar::hidden())
    }

    fn with(settings: &Settings, bar: &ProgressBar) -> Result<Self, CliError> {
        let (fingerprint, began) = (settings.source.fingerprint(), Instant::now());
        loop {
            match store::open_alone(&settings.cache, &settings.source.directories(), &fingerprint) {
                Ok(store) => {
                    let (store, _) = build(store, settings, Stage::All, bar)?;
                    let (reader, status) = (store.reader.clone(), store.live.status());
                    return Ok(Self { reader, status: Some(status), kept_by: None, _store: Some(store) });
                }
                Err(StoreError::InUse { path, pid }) => match store::open_reader(&path, &fingerprint) {
                    Ok(reader) => {
                        tracing::info!("process {pid} keeps {}; reading what it has", path.display());
                        return Ok(Self { reader, status: None, kept_by: Some(pid), _store: None });
                    }
                    // The other process is making it just now.
                    Err(_) if began.elapsed() < app::MOMENT => std::thread::sleep(app::MOMENT / 20),
                    Err(error) => return Err(error.into()),
                },
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Rows and verdicts, under the policy of the settings.
    pub(super) fn query(&self, settings: &Settings) -> Query {
        Query { reader: self.reader.clone(), policy: Arc::new(settings.policy.clone()) }
    }

    /// Raw lines.
    pub(super) fn logs(&self, settings: &Settings) -> LogAccess {
        LogAccess::with_snapshots(&settings.source, self.reader.clone())
    }
}

/// Opens the cache for writing and brings it up to date, with a progress bar when that takes a while.
///
/// # Errors
/// What the store or ingest say.
pub(super) fn open_and_build(settings: &Settings, stage: Stage) -> Result<(Store, Built), CliError> {
    build(app::open_alone(&settings.cache, &settings.source)?, settings, stage, &bar())
}

fn build(store: Store, settings: &Settings, stage: Stage, bar: &ProgressBar) -> Result<(Store, Built), CliError> {
    let progress = |read: u64, all: u64| {
        bar.set_length(all);
        bar.set_position(read);
    };
    let built = ingest::build(&settings.source, &store.writer, &store.reader, &store.live, stage, &progress);
    bar.finish_and_clear();
    let built = built?;
    store.writer.flush()?;
    Ok((store, built))
}

/// Bytes per second for people.
pub(super) fn rate(bytes: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if seconds <= 0.0 {
        return String::from("at once");
    }
    // A rate for people: the rounding of a float is finer than what is shown.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let per_second = (bytes as f64 / seconds) as u64;
    format!("{}/s", HumanBytes(per_second))
}

/// A bar on standard error when that is a terminal; hidden otherwise.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    let template = "reading {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}
