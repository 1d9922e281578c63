//! Plays the script: appends each line to its log at its moment, as a harness would, in a thread of its own.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::script::{self, Cue, Scene};
use crate::app;
use crate::reducer::time::Micros;

/// How long before the start the earlier runs of the script began, the newest first.
const AGO: [Duration; 6] = [
    Duration::from_secs(1_500),
    Duration::from_secs(6_000),
    Duration::from_secs(15_000),
    Duration::from_secs(30_000),
    Duration::from_secs(90_000),
    Duration::from_secs(180_000),
];

/// A harness at work; stops when told to.
pub(super) struct Player {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Player {
    /// Stops writing and waits for the thread.
    pub(super) fn stop(self) {
        drop(self.stop);
        // A harness that could not write has said so; the directory goes either way.
        let _ = self.thread.join();
    }
}

/// Writes a few runs of the past, then starts the thread that plays round after round.
///
/// # Errors
/// What the system says when the directory cannot be written or the thread not be started.
pub(super) fn start(state: PathBuf, speed: f64) -> io::Result<Player> {
    let now = app::now();
    for (scene, ago) in script::earlier().zip(AGO) {
        let began = now.plus_millis(-i64::try_from(ago.as_millis()).unwrap_or(i64::MAX));
        write_past(&state, &scene, began)?;
    }
    let (stop, stopped) = channel();
    let thread = std::thread::Builder::new().name("harness".into()).spawn(move || {
        let mut wait = |until: Instant| {
            let left = until.saturating_duration_since(Instant::now());
            !matches!(stopped.recv_timeout(left), Err(RecvTimeoutError::Disconnected))
        };
        for round in 1.. {
            match play(&state, &script::round(round), speed, &mut wait) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return tracing::error!("the demo's harness stopped: {error}"),
            }
        }
    })?;
    Ok(Player { stop, thread })
}

/// Plays one round; gives whether to go on. `wait` sleeps until a moment and says whether to go on.
fn play(state: &Path, scenes: &[Scene], speed: f64, wait: &mut dyn FnMut(Instant) -> bool) -> io::Result<bool> {
    let began = Instant::now();
    for (at, scene, cue) in in_order(scenes) {
        if !wait(began + at.div_f64(speed)) {
            return Ok(false);
        }
        append(state, scene, &cue.line(app::now()))?;
    }
    Ok(wait(began + script::ROUND.div_f64(speed)))
}

/// All cues of a round by the time at which they come.
fn in_order(scenes: &[Scene]) -> Vec<(Duration, &Scene, &Cue)> {
    let mut all: Vec<_> =
        scenes.iter().flat_map(|scene| scene.cues.iter().map(move |cue| (scene.begins + cue.at, scene, cue))).collect();
    all.sort_by_key(|(at, ..)| *at);
    all
}

fn write_past(state: &Path, scene: &Scene, began: Micros) -> io::Result<()> {
    for cue in &scene.cues {
        let at = began.plus_millis(i64::try_from(cue.at.as_millis()).unwrap_or(i64::MAX));
        append(state, scene, &cue.line(at))?;
    }
    Ok(())
}

fn append(state: &Path, scene: &Scene, line: &str) -> io::Result<()> {
    let directory = state.join(&scene.run);
    fs::create_dir_all(&directory)?;
    let mut log = OpenOptions::new().create(true).append(true).open(directory.join("run.log"))?;
    log.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_writes_every_line_of_its_script() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let scenes = script::round(1);
        assert!(play(directory.path(), &scenes, 1.0, &mut |_| true).expect("a writable directory"));
        for scene in &scenes {
            let log = fs::read_to_string(directory.path().join(&scene.run).join("run.log")).expect("a log");
            let lines: usize = scene.cues.iter().map(|cue| cue.line(Micros::MIN).lines().count()).sum();
            assert_eq!(log.lines().count(), lines, "{}", scene.run);
        }
    }

    #[test]
    fn a_stop_ends_the_round_at_once() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let player = start(directory.path().to_owned(), 0.1).expect("a thread");
        let began = Instant::now();
        player.stop();
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}
