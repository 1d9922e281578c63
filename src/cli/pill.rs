//! `pill`: one line for a prompt or a status bar. Reads the cache and nothing else; never fails, never blocks.

use serde_json::json;

use super::error::CliError;
use super::json::SCHEMA;
use super::screen::Screen;
use super::settings::Settings;
use crate::app;
use crate::query::{Pill, Query};
use crate::reducer::duration::duration;
use crate::reducer::run::value;
use crate::reducer::time::Micros;
use crate::store;

/// Print one line for a prompt or a status bar, from the cache alone
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch pill ./state
  set -g status-right '#(wheelwatch pill --format tmux ./state)'   # in tmux.conf")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) state: super::StateDirs,

    /// How the line is written
    #[arg(long, value_enum, default_value_t = Format::Plain)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Plain,
    Tmux,
    Json,
}

pub(super) fn run(args: &Args, settings: &Settings, screen: &mut Screen) -> Result<(), CliError> {
    let now = app::now();
    let reader = store::open_reader(&settings.cache, &settings.source.fingerprint());
    let query = reader.map(|reader| Query { reader, policy: settings.policy.clone().into() });
    let pill = query.and_then(|query| query.banner(now)).map(|banner| (banner.pill(), banner.attention.len()));
    let text = match &pill {
        Ok((pill, attention)) => text(pill, *attention, now),
        Err(_) => String::from("wheelwatch: not read yet"),
    };
    match args.format {
        Format::Plain => screen.line(text)?,
        // tmux expands `#` and ends a style at `]`.
        Format::Tmux => screen.line(text.replace('#', "##"))?,
        Format::Json => {
            let (active, attention) = match &pill {
                Ok((Pill::Active(judged, _), attention)) => (Some(judged.summary(now)), Some(*attention)),
                Ok((Pill::Idle(_), attention)) => (None, Some(*attention)),
                Err(_) => (None, None),
            };
            screen.json(&json!({ "schema": SCHEMA, "text": text, "run": active, "attention": attention }))?;
        }
    }
    Ok(())
}

fn text(pill: &Pill, attention: usize, now: Micros) -> String {
    let mut parts = match pill {
        Pill::Active(judged, further) => {
            let run = &judged.record.state.run;
            let elapsed = value(&run.started_at).and_then(|at| now.millis_since(*at)).map(duration);
            let known = [value(&run.phase).cloned(), value(&run.candidate).cloned(), elapsed];
            let mut parts = vec![judged.verdict.word.label(judged.verdict.rule).to_owned()];
            parts.extend(known.into_iter().flatten());
            parts.push(judged.title().to_owned());
            parts.extend((*further > 0).then(|| format!("+{further}")));
            parts
        }
        Pill::Idle(last) => {
            let ended = last.as_ref().and_then(|record| value(&record.state.run.ended_at).copied());
            let ago = ended.map(|at| format!("last ended {} ago", duration(now.millis_since(at).unwrap_or(0))));
            std::iter::once(String::from("no active run")).chain(ago).collect()
        }
    };
    parts.extend((attention > 0).then(|| format!("needs you: {attention}")));
    parts.join(" · ")
}
