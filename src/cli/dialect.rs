//! `dialect`: the dialects there are, and what one makes of a log, line by line (spec 1.5). `docs/dialects.md` teaches
//! writing one.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::error::CliError;
use super::json::SCHEMA;
use super::options::{Naive, Options};
use super::screen::{Cell, Screen, Tone};
use crate::reducer::dialect::data::explain::{Explained, Explainer, Part};
use crate::reducer::dialect::data::{Dialect, builtin};
use crate::reducer::dialect::{LineClass, Reading};
use crate::reducer::line::{MAX_LINE, Splitter};
use crate::reducer::time::NaiveTime;

/// How much of a value is shown, in characters.
const SHOWN: usize = 60;

/// How many bytes are read at a time.
const CHUNK: usize = 256 * 1024;

/// List the dialects, or try one on a log
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch dialect list
  wheelwatch dialect try my-harness.toml state/run-1/run.log
  wheelwatch dialect try my-harness.toml run.log --first 20
  wheelwatch dialect try --json my-harness.toml run.log | jq 'select(.parts[]?.rule == null)'

Exit codes: 0; 2 a dialect was refused, with file, line and reason.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Your own dialects (--dialect) and the built-in ones, in the order in which they are asked
    List,
    /// Show what a dialect makes of each line: the rule that matched and the event that came of it
    Try {
        /// The dialect to try
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The log to read
        #[arg(value_name = "LOG")]
        log: PathBuf,
        /// Only so many lines from the first
        #[arg(long, value_name = "N")]
        first: Option<u64>,
        /// As JSON: one document for each line of the log, and a summary last
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &Args, options: &Options, screen: &mut Screen) -> Result<(), CliError> {
    match &args.command {
        Command::List => list(options, screen),
        Command::Try { file, log, first, json } => try_on(file, log, *first, *json, options, screen),
    }
}

/// The dialect in a file.
///
/// # Errors
/// [`CliError::Usage`] when it cannot be read, [`CliError::Dialect`] when something is wrong in it; both exit 2.
pub(super) fn read(file: &Path) -> Result<Dialect, CliError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| CliError::Usage(format!("the dialect {} could not be read: {error}", file.display())))?;
    Ok(Dialect::parse(&file.display().to_string(), &text)?)
}

fn list(options: &Options, screen: &mut Screen) -> Result<(), CliError> {
    let own = options.dialect.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    let row = |dialect: &Dialect, from: &str| {
        vec![
            Cell::new(Tone::Strong, dialect.name()),
            Cell::new(Tone::Quiet, from),
            Cell::from(format!("{} rules", dialect.rules())),
            Cell::from(dialect.about()),
        ]
    };
    let own = own.iter().map(|dialect| row(dialect, "yours"));
    let mut rows: Vec<_> = own.chain(builtin().iter().map(|dialect| row(dialect, "built in"))).collect();
    for (name, about) in [
        ("generic", "every other line that is a JSON object, by the names that harnesses use"),
        ("plain", "every other line, as text"),
    ] {
        rows.push(vec![Cell::new(Tone::Strong, name), Cell::new(Tone::Quiet, "always"), "".into(), about.into()]);
    }
    Ok(screen.table(&rows)?)
}

fn try_on(
    file: &Path,
    log: &Path,
    first: Option<u64>,
    json: bool,
    options: &Options,
    screen: &mut Screen,
) -> Result<(), CliError> {
    let dialect = read(file)?;
    let naive_time = match options.naive_time {
        None | Some(Naive::Utc) => NaiveTime::Utc,
        Some(Naive::Local) => NaiveTime::Local,
    };
    let max_line = options.max_line.unwrap_or(MAX_LINE);
    let redact = !options.no_redact.unwrap_or(false);
    let reading = Reading { max_line, naive_time, redact, dialects: vec![dialect.clone()].into() };
    let explainer = Explainer::new(reading);
    let mut trial = Trial { dialect, explainer, json, lines: 0, own: 0, used: BTreeSet::new() };
    let wrong = |error| CliError::Usage(format!("the log {} could not be read: {error}", log.display()));
    let mut input = std::fs::File::open(log).map_err(wrong)?;
    let mut splitter = Splitter::new(max_line, 0, 0);
    let mut chunk = vec![0; CHUNK];
    let mut shown = Ok(());
    while shown.is_ok() && first.is_none_or(|first| trial.lines < first) {
        let length = input.read(&mut chunk).map_err(wrong)?;
        let mut show = |line: crate::reducer::line::Line<'_>| {
            if shown.is_ok() && first.is_none_or(|first| line.number <= first) {
                shown = trial.show(&line, screen);
            }
        };
        if length == 0 {
            // The last line may lack its end.
            splitter.tail().into_iter().for_each(show);
            break;
        }
        splitter.push(chunk.get(..length).unwrap_or_default(), &mut show);
    }
    shown?;
    trial.summary(screen)
}

/// A dialect on trial, and what was seen of it so far.
struct Trial {
    dialect: Dialect,
    explainer: Explainer,
    json: bool,
    lines: u64,
    own: u64,
    /// The rules that matched, from 1.
    used: BTreeSet<usize>,
}

impl Trial {
    fn show(&mut self, line: &crate::reducer::line::Line<'_>, screen: &mut Screen) -> Result<(), CliError> {
        let explained = self.explainer.explain(line);
        self.lines += 1;
        let own = explained.is_by(&self.dialect);
        self.own += u64::from(own);
        if own {
            self.used.extend(explained.parts.iter().filter_map(|part| part.rule).map(|(rule, _)| rule));
        }
        if self.json {
            return Ok(screen.json_line(&document(&explained))?);
        }
        for (number, part) in explained.parts.iter().enumerate() {
            screen.cells(&row(&explained, number, part, own))?;
        }
        if explained.unread_elements > 0 {
            let text = format!("         {} more elements are counted and not read", explained.unread_elements);
            screen.line(Cell::new(Tone::Warn, text))?;
        }
        Ok(())
    }

    fn summary(&self, screen: &mut Screen) -> Result<(), CliError> {
        let Self { dialect, lines, own, .. } = self;
        let unused = (1..=dialect.rules()).filter(|rule| !self.used.contains(rule));
        let unused = unused.map(|rule| (rule, dialect.rule_line(rule).unwrap_or_default()));
        if self.json {
            let unused: Vec<_> = unused.map(|(rule, line)| json!({ "number": rule, "line": line })).collect();
            let summary = json!({ "dialect": dialect.name(), "lines": lines, "own": own, "unused_rules": unused });
            return Ok(screen.json_line(&json!({ "schema": SCHEMA, "summary": summary }))?);
        }
        screen.line(format!("{own} of {lines} lines are {}.", dialect.name()))?;
        let unused: Vec<String> = unused.map(|(rule, line)| format!("{rule} (line {line})")).collect();
        if !unused.is_empty() {
            screen.line(format!("Rules that matched nothing here: {}.", unused.join(", ")))?;
        }
        Ok(())
    }
}

/// A line with everything that became of it. A part without fields was ignored by its rule.
fn document(line: &Explained) -> Value {
    let part = |part: &Part| {
        let rule = part.rule.map(|(rule, line)| json!({ "number": rule, "line": line }));
        let fields = part.fields.as_ref();
        let fields = fields.map(|fields| fields.iter().map(|(word, value)| ((*word).to_owned(), json!(value))));
        let fields = fields.map(|fields| Value::Object(fields.collect()));
        json!({ "offset": part.offset, "length": part.length, "rule": rule, "hidden": part.hidden, "fields": fields })
    };
    json!({
        "schema": SCHEMA,
        "line": line.line,
        "class": class_word(line.class),
        "dialect": line.dialect,
        "parts": line.parts.iter().map(part).collect::<Vec<_>>(),
        "unread_elements": line.unread_elements,
    })
}

fn class_word(class: LineClass) -> String {
    format!("{class:?}").to_lowercase()
}

/// One part of a line: where it is, who read it, by which rule, and what came of it.
fn row(line: &Explained, number: usize, part: &Part, own: bool) -> Vec<Cell> {
    let place = if number == 0 { format!("{:>6}", line.line) } else { format!("{:>6}", "") };
    let who = if own { Tone::Good } else { Tone::Quiet };
    let mut cells = vec![Cell::new(Tone::Quiet, place), Cell::new(who, line.dialect.as_str())];
    match part.rule {
        Some((rule, at)) => cells.push(Cell::new(Tone::Quiet, format!("rule {rule} (line {at})"))),
        None if line.class == LineClass::Event => cells.push(Cell::new(Tone::Quiet, "no rule")),
        None => cells.push(Cell::new(Tone::Quiet, class_word(line.class))),
    }
    let Some(fields) = &part.fields else {
        cells.push(Cell::new(Tone::Quiet, "ignored"));
        return cells;
    };
    if part.hidden {
        cells.push(Cell::new(Tone::Quiet, "hidden"));
    }
    for (word, value) in fields {
        let tone = if matches!(*word, "subject" | "verb") { Tone::Strong } else { Tone::Plain };
        cells.push(Cell::new(tone, format!("{word}={}", shortened(value))));
    }
    cells
}

fn shortened(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_shortened_between_characters() {
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened(&"é".repeat(SHOWN + 1)), format!("{}…", "é".repeat(SHOWN)));
    }
}
