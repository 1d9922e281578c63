//! Looking again and again, for the commands that wait: at what a server keeps, else at the files themselves.
//!
//! Between two looks nothing is held, so that a server can be started at any time, and several may wait at once.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::desk::Desk;
use super::error::CliError;
use super::settings::Settings;

/// How long a process that keeps the cache may take to read a run before there is no such run.
pub(super) const NOT_YET: Duration = Duration::from_secs(5);

/// How long to wait between two looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    least: Duration,
    most: Duration,
    /// Waiting is at least so many times longer than looking, so that it never keeps a machine busy.
    rest: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { least: Duration::from_millis(300), most: Duration::from_secs(30), rest: 10 }
    }
}

impl Pace {
    fn after(self, took: Duration) -> Duration {
        took.saturating_mul(self.rest).clamp(self.least, self.most)
    }
}

/// Looks until `look` breaks; when it goes on it may say by when it wants to look again at the latest.
///
/// # Errors
/// Those of the first look at the files, and those of `look`.
pub(super) fn look<T>(
    settings: &Settings,
    pace: Pace,
    mut look: impl FnMut(&Desk) -> Result<ControlFlow<T, Option<Instant>>, CliError>,
) -> Result<T, CliError> {
    let mut desk = Desk::open(settings)?;
    let mut began = Instant::now();
    loop {
        let latest = match look(&desk)? {
            ControlFlow::Break(found) => return Ok(found),
            ControlFlow::Continue(latest) => latest,
        };
        drop(desk);
        desk = loop {
            let next = Instant::now() + pace.after(began.elapsed());
            let next = latest.filter(|latest| *latest > began).map_or(next, |latest| next.min(latest));
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            began = Instant::now();
            match Desk::open_again(settings) {
                Ok(desk) => break desk,
                // The cache may be made anew just now, or the directory be away for a moment.
                Err(error) => tracing::warn!(%error, "looking again later"),
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_takes_a_small_part_of_the_time() {
        let pace = Pace::default();
        let millis = |took| pace.after(Duration::from_millis(took)).as_millis();
        assert_eq!([0, 10, 100, 60_000].map(millis), [300, 300, 1000, 30_000]);
    }
}
