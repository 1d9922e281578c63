//! `events`: the timeline of one run, and with `--follow` what comes until the run ends.

use std::ops::ControlFlow;
use std::time::Instant;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::Value;

use super::again::{self, Pace};
use super::desk::Desk;
use super::error::CliError;
use super::json::SCHEMA;
use super::screen::{Cell, Screen, Tone};
use super::settings::Settings;
use super::show;
use crate::app;
use crate::query::document;
use crate::reducer::event::{Level, Subject};
use crate::reducer::time::Micros;
use crate::store::reader::{EventFilter, EventRecord, Lists};
use crate::web::said::{self, Said};

/// Events that are asked for and printed at once.
const PAGE: u32 = 500;

/// How much of a message is shown in the table.
const SHOWN: usize = 400;

/// Print the timeline of a run
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch events run-1 ./state
  wheelwatch events run-1 --follow --level error ./state
  wheelwatch events run-1 --json ./state | jq -r 'select(.name == \"step.failed\") | .text'

With --json each event is one line, a JSON object with the names of /api/runs/{key}/events and a schema number. --follow goes
on until the run has ended and everything was printed; a log that begins again is printed from its beginning.

Exit codes: 0 printed; 1 there is no such run; 2 usage or refused configuration.")]
pub(super) struct Args {
    /// The run's key, as `status` prints it
    #[arg(value_name = "RUN")]
    key: String,

    #[command(flatten)]
    pub(super) state: super::StateDirs,

    /// Go on with what comes, until the run has ended
    #[arg(long)]
    follow: bool,

    /// Only events of this level
    #[arg(long, value_name = "LEVEL", value_parser = levels())]
    level: Option<Level>,

    /// As JSON, one object in a line
    #[arg(long)]
    json: bool,
}

fn levels() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(Level::ALL.iter().map(|level| level.as_str()))
        .map(|word| Level::from_word(&word).expect("only these words are possible"))
}

pub(super) fn run(args: &Args, settings: &Settings, screen: &mut Screen) -> Result<(), CliError> {
    let mut printed = Printed::default();
    let began = Instant::now();
    again::look(settings, Pace::default(), |desk| {
        // Asked before the events: what is written until the events are read is then printed now or in the next round.
        let Some(record) = desk.reader.run(&args.key, Lists::None)? else {
            if desk.kept_by.is_some() && began.elapsed() < again::NOT_YET {
                return Ok(ControlFlow::Continue(None));
            }
            return Err(show::unknown(&args.key, &desk.query(settings), app::now()));
        };
        if std::mem::replace(&mut printed.generation, record.log.cursor.generation) != record.log.cursor.generation {
            printed.last = 0;
        }
        let complete = printed.go_on(args, desk, settings, screen)?;
        let over = !args.follow || record.state.run.is_ended();
        Ok(if complete && over { ControlFlow::Break(()) } else { ControlFlow::Continue(None) })
    })
}

/// How far the timeline was printed.
#[derive(Debug, Default)]
struct Printed {
    /// Of the log.
    generation: u64,
    /// Ordinal of the last event that was looked at.
    last: u64,
}

impl Printed {
    /// Prints what is new; gives whether that was everything up to where the log was reduced.
    fn go_on(&mut self, args: &Args, desk: &Desk, settings: &Settings, screen: &mut Screen) -> Result<bool, CliError> {
        let logs = app::Logs(desk.logs(settings));
        loop {
            let ask = EventFilter {
                level: args.level,
                hidden: true,
                after: Some(self.last),
                limit: PAGE,
                ..EventFilter::default()
            };
            let page = desk.reader.events(&args.key, &ask)?;
            if args.json {
                let texts = said::raw(&logs, &args.key, &page.events);
                for (event, text) in page.events.iter().zip(texts) {
                    screen.json_line(&object(&args.key, event, text.as_deref().ok()))?;
                }
            } else {
                let texts = said::read(&logs, &args.key, &page.events);
                let rows: Vec<_> = page.events.iter().zip(&texts).map(|(event, said)| row(event, said)).collect();
                screen.table(&rows)?;
            }
            match page.events.last() {
                Some(last) => self.last = last.ordinal,
                None => return Ok(!page.incomplete),
            }
            if !page.later {
                return Ok(!page.incomplete);
            }
        }
    }
}

fn object(key: &str, event: &EventRecord, text: Option<&[u8]>) -> Value {
    let mut object = serde_json::to_value(document::event(event, text)).expect("plain values always serialise");
    object["schema"] = SCHEMA.into();
    object["run"] = key.into();
    object
}

fn row(event: &EventRecord, said: &Said) -> Vec<Cell> {
    let row = &event.row;
    let tone = match row.level {
        Some(Level::Error) => Tone::Bad,
        Some(Level::Warn) => Tone::Warn,
        _ => Tone::Quiet,
    };
    let name = row.name.as_deref().or(row.subject.map(Subject::as_str)).unwrap_or_default();
    let text = match &said.problem {
        Some(problem) => Cell::new(Tone::Bad, format!("the text cannot be read: {problem}")),
        None => Cell::from(short(said)),
    };
    vec![
        Cell::new(Tone::Quiet, format!("line {}", row.line)),
        Cell::new(Tone::Quiet, row.time.map(Micros::to_rfc3339).unwrap_or_default()),
        Cell::new(tone, row.level.map_or("", Level::as_str)),
        Cell::new(Tone::Strong, name),
        text,
    ]
}

/// The message and the other values on one line, cut.
fn short(said: &Said) -> String {
    let fields = said.fields.iter().map(|(name, value)| format!("{name}={value}"));
    let more = (said.more > 0).then(|| format!("and {} more", said.more));
    let text = said.message.iter().cloned().chain(fields).chain(more).collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
