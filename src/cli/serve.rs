//! `serve`, the main job: watch, reduce, serve.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use super::error::CliError;
use super::screen::Screen;
use super::settings::Settings;
use crate::app::{self, Plan, Started};

/// Watch, reduce and serve the dashboard (the default)
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch ./state
  wheelwatch serve --port 0 --open ./state ../other/state
  wheelwatch --log-name '*.jsonl' ~/logs

Exit codes: 0 stopped by a signal; 2 usage or refused configuration; 3 the cache is in use; 4 port in use.")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) state: super::StateDirs,
}

pub(super) fn run(settings: Settings) -> Result<(), CliError> {
    let browser = settings.open.then(Browser::ready);
    let watched = settings.watched();
    let Settings { source, cache, policy, commands, port, open: _ } = settings;
    let plan = Plan { cache, source, policy, commands, port };
    app::serve(plan, move |started| {
        // A closed standard output is no reason to stop serving.
        let _ = Screen::stdout().line(line(started, &watched));
        if let Some(browser) = browser {
            browser.show(started);
        }
    })?;
    Ok(())
}

/// The one line: where, what, and where it is kept.
fn line(started: &Started, watched: &str) -> String {
    let Started { url, once: _, cache, status, runs } = started;
    let all_read = status.complete;
    let wrong: Vec<_> = status.roots.iter().filter_map(|(_, problem)| problem.as_deref()).collect();
    let found = match (wrong.as_slice(), runs) {
        ([], 0) if all_read => format!("no run in {watched} yet, waiting for one"),
        ([], _) if !all_read => format!("reading {watched}, {runs} runs so far"),
        ([], 1) => format!("1 run in {watched}"),
        ([], _) => format!("{runs} runs in {watched}"),
        (problems, _) => format!("{runs} runs in {watched}: {}", problems.join("; ")),
    };
    let cache = match cache {
        Some(path) => format!("cache {}", path.display()),
        None => format!("cache in memory: {}", status.cache_problem.as_deref().unwrap_or("no file could be used")),
    };
    format!("{url} · {found} · {cache}")
}

/// Asks the desktop to open the page. Made before this process gives up writing, since a browser could not write either:
/// it waits for an address, and ends without one.
struct Browser(Option<Child>);

impl Browser {
    /// That there is none is worth a warning and nothing more.
    fn ready() -> Self {
        let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let mut command = Command::new("sh");
        command.args(["-c", "IFS= read -r url && exec \"$0\" \"$url\"", opener]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(child.inspect_err(|error| tracing::warn!("{opener} cannot be started: {error}")).ok())
    }

    fn show(self, started: &Started) {
        let Some(mut child) = self.0 else { return };
        let address = child.stdin.take();
        if started.once {
            // Whoever lists processes would see the token.
            tracing::warn!("open the printed address yourself: it works once, and is told to no other program");
        } else if let Some(Err(error)) = address.map(|mut pipe| writeln!(pipe, "{}", started.url)) {
            tracing::warn!("the browser could not be told the address: {error}");
        }
        std::thread::spawn(move || child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::line;
    use crate::app::Started;
    use crate::store::SourceStatus;

    #[test]
    fn the_line_says_url_source_and_cache() {
        let started = |runs, complete, problem: Option<&str>, cache: Option<&str>| Started {
            url: "http://127.0.0.1:1/".into(),
            once: false,
            cache: cache.map(Into::into),
            status: SourceStatus {
                complete,
                roots: vec![("./state".into(), problem.map(Into::into))],
                ..SourceStatus::default()
            },
            runs,
        };
        let cases = [
            (started(2, true, None, Some("/c/x.db")), "http://127.0.0.1:1/ · 2 runs in W · cache /c/x.db"),
            (started(1, true, None, Some("/c/x.db")), "http://127.0.0.1:1/ · 1 run in W · cache /c/x.db"),
            (
                started(0, true, None, Some("/c/x.db")),
                "http://127.0.0.1:1/ · no run in W yet, waiting for one · cache /c/x.db",
            ),
            (
                started(7, false, None, Some("/c/x.db")),
                "http://127.0.0.1:1/ · reading W, 7 runs so far · cache /c/x.db",
            ),
            (
                started(0, true, Some("./state does not exist"), None),
                "http://127.0.0.1:1/ · 0 runs in W: ./state does not exist · \
                 cache in memory: no file could be used",
            ),
        ];
        for (started, expected) in cases {
            assert_eq!(line(&started, "W"), expected);
        }
    }
}
