//! `rehearse`: all past logs replayed against the limits, so that a person can choose them with evidence.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::config;
use super::desk::Desk;
use super::error::CliError;
use super::json::SCHEMA;
use super::screen::{Cell, Screen, Tone};
use super::settings::Settings;
use crate::app;
use crate::ingest::{IngestError, LogAccess};
use crate::query::Query;
use crate::reducer::duration::duration;
use crate::reducer::reduce::Tail;
use crate::reducer::rehearse::{Flag, Lessons, Rehearsal, Rehearsed, Tally, tally};
use crate::reducer::run::Status;
use crate::reducer::verdict::{Limits, Policy, Rule};
use crate::store::reader::Lists;

/// How many flagged runs are listed; more are counted.
const MOST: usize = 50;

/// Replay all past logs against the limits: what would have been flagged, when, and how it ended
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch rehearse ./state
  wheelwatch rehearse --set silence_limit=5m --set progress_limit=1h ./state
  wheelwatch rehearse --json ./state | jq '.rules[] | {rule, runs, ends}'

Limits: abandon_limit, heartbeat_limit, silence_limit, progress_limit, queue_limit, phase_limit. They go over [limits] of
wheelwatch.toml; what the file says of a workflow or a phase stays.

Each log is replayed by its own times, and logs without times are left out. WENT ON counts the runs in which lines came
again after every flag of the rule: if such runs completed, the flag was likely a false alarm. What is learned of phases
is what is known today of runs that began earlier.

Exit codes: 0 done; 2 usage or refused configuration.")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) state: super::StateDirs,

    /// Try another limit
    #[arg(long, value_name = "LIMIT=DURATION")]
    set: Vec<String>,

    /// As JSON
    #[arg(long)]
    json: bool,
}

/// The runs by key, and the logs that could not be read.
struct Story {
    runs: BTreeMap<String, Rehearsed>,
    unread: u64,
}

pub(super) fn run(args: &Args, settings: &Settings, screen: &mut Screen) -> Result<(), CliError> {
    let policy = config::set(&settings.policy, &args.set)?;
    let desk = Desk::open(settings)?;
    let (query, logs) = (desk.query(settings), desk.logs(settings));
    let mut story = Story { runs: BTreeMap::new(), unread: 0 };
    for log in desk.reader.logs()? {
        match rehearse(&query, &logs, &log.key, &policy) {
            Ok(run) => {
                story.runs.insert(log.key, run);
            }
            // Its health is for `doctor`; what is left can be learned from.
            Err(error) => {
                tracing::info!(%error, "a log was left out");
                story.unread += 1;
            }
        }
    }
    let tallies = tally(story.runs.values());
    if args.json {
        return Ok(screen.json(&document(&story, &tallies, &policy))?);
    }
    show_limits(&policy.limits, screen)?;
    show_rules(&story, &tallies, screen)?;
    show_runs(&story, screen)
}

fn rehearse(query: &Query, logs: &LogAccess, key: &str, policy: &Policy) -> Result<Rehearsed, IngestError> {
    let record = query.reader.run(key, Lists::None)?;
    let lessons: Box<Lessons<'_>> = Box::new(|state, phase| {
        let record = record.clone()?;
        // An addition: without it the other rules still hold.
        query.learned(&crate::store::RunRecord { state: values_of(state).into(), ..record }, phase).ok().flatten()
    });
    let mut rehearsal = Rehearsal::new(policy, &lessons);
    let mut replay = logs.replay(key)?;
    replay.each_line(&mut |state, event| rehearsal.line(state, event.time))?;
    let reducer = replay.reducer();
    let now = app::now();
    Ok(match reducer.tail() {
        Tail::Provisional(mut state, rows) => {
            rehearsal.line(reducer.state_mut(), rows.first().and_then(|row| row.time));
            rehearsal.end(&mut state, now)
        }
        Tail::None | Tail::Pending(_) => rehearsal.end(reducer.state_mut(), now),
    })
}

/// A state with the run's values only.
fn values_of(state: &crate::reducer::run::RunState) -> crate::reducer::run::RunState {
    crate::reducer::run::RunState { run: state.run.clone(), ..Default::default() }
}

fn show_limits(limits: &Limits, screen: &mut Screen) -> Result<(), CliError> {
    let said: Vec<String> =
        limit_list(limits).into_iter().map(|(name, millis)| format!("{name} {}", duration(millis))).collect();
    screen.line(format!("Limits: {}", said.join(", ")))?;
    Ok(())
}

fn limit_list(limits: &Limits) -> Vec<(&'static str, i64)> {
    let Limits { abandon_ms, heartbeat_ms, silence_ms, progress_ms, queue_ms, phase_ms } = *limits;
    let mut list = vec![
        ("abandon_limit", abandon_ms),
        ("heartbeat_limit", heartbeat_ms),
        ("silence_limit", silence_ms),
        ("progress_limit", progress_ms),
        ("queue_limit", queue_ms),
    ];
    list.extend(phase_ms.map(|limit| ("phase_limit", limit)));
    list
}

/// How runs can end, in the order of the columns.
const ENDS: [(Option<Status>, &str); 5] = [
    (Some(Status::Completed), "COMPLETED"),
    (Some(Status::Failed), "FAILED"),
    (Some(Status::TimedOut), "TIMED OUT"),
    (Some(Status::Cancelled), "CANCELLED"),
    (None, "NO END SEEN"),
];

fn show_rules(story: &Story, tallies: &BTreeMap<Rule, Tally>, screen: &mut Screen) -> Result<(), CliError> {
    let judged = story.runs.values().filter(|run| run.judged).count();
    let without = story.runs.len() - judged;
    let mut said = format!("{judged} runs replayed");
    if without > 0 {
        said.push_str(&format!(", {without} without times left out"));
    }
    if story.unread > 0 {
        said.push_str(&format!(", {} could not be read", story.unread));
    }
    screen.line(format!("{said}."))?;
    screen.line("")?;
    if tallies.is_empty() {
        screen.line(Cell::new(Tone::Good, "No run would have been flagged."))?;
        return Ok(());
    }
    let head = ["RULE", "RUNS", "FLAGS", "LONGEST", "WENT ON"].into_iter().chain(ENDS.map(|(_, name)| name));
    let mut rows = vec![head.map(|name| Cell::new(Tone::Quiet, name)).collect::<Vec<_>>()];
    rows.extend(tallies.iter().map(|(rule, tally)| {
        let mut row = vec![
            Cell::new(Tone::Strong, rule.as_str()),
            tally.runs.to_string().into(),
            tally.flags.to_string().into(),
            duration(tally.longest_ms).into(),
            tally.went_on.to_string().into(),
        ];
        row.extend(ENDS.map(|(end, _)| Cell::from(tally.ends.get(&end).copied().unwrap_or(0).to_string())));
        row
    }));
    screen.table(&rows)?;
    Ok(())
}

/// A run under one rule: its first flag, how long it was flagged in all, and how often.
struct Flagged<'a> {
    key: &'a str,
    rule: Rule,
    first: Flag,
    millis: i64,
    flags: usize,
    end: Option<Status>,
}

fn flagged(story: &Story) -> Vec<Flagged<'_>> {
    let mut all = Vec::new();
    for (key, run) in &story.runs {
        let mut of_run: BTreeMap<Rule, Vec<&Flag>> = BTreeMap::new();
        for flag in &run.flags {
            of_run.entry(flag.rule).or_default().push(flag);
        }
        all.extend(of_run.into_iter().filter_map(|(rule, flags)| {
            let first = **flags.first()?;
            let millis = flags.iter().map(|flag| flag.millis()).fold(0, i64::saturating_add);
            Some(Flagged { key, rule, first, millis, flags: flags.len(), end: run.end })
        }));
    }
    all.sort_by(|a, b| (a.rule, a.key).cmp(&(b.rule, b.key)));
    all
}

fn show_runs(story: &Story, screen: &mut Screen) -> Result<(), CliError> {
    let all = flagged(story);
    if all.is_empty() {
        return Ok(());
    }
    screen.line("")?;
    let head = ["RULE", "RUN", "FIRST AT LINE", "TIME", "FOR", "FLAGS", "IN ALL", "END"];
    let mut rows = vec![head.iter().map(|name| Cell::new(Tone::Quiet, *name)).collect::<Vec<_>>()];
    rows.extend(all.iter().take(MOST).map(|flagged| {
        vec![
            Cell::new(Tone::Strong, flagged.rule.as_str()),
            Cell::from(flagged.key),
            flagged.first.line.to_string().into(),
            flagged.first.at.to_rfc3339().into(),
            duration(flagged.first.millis()).into(),
            flagged.flags.to_string().into(),
            duration(flagged.millis).into(),
            Cell::from(flagged.end.map_or("no end seen", Status::as_str)),
        ]
    }));
    screen.table(&rows)?;
    if all.len() > MOST {
        screen.line(format!("{} in all, showing {MOST}; --json has them all", all.len()))?;
    }
    Ok(())
}

fn document(story: &Story, tallies: &BTreeMap<Rule, Tally>, policy: &Policy) -> Value {
    let limits: serde_json::Map<String, Value> =
        limit_list(&policy.limits).into_iter().map(|(name, millis)| (format!("{name}_ms"), millis.into())).collect();
    let rules = tallies.iter().map(|(rule, tally)| {
        let ends: serde_json::Map<String, Value> = ENDS
            .into_iter()
            .map(|(end, _)| (end.map_or("no_end", Status::as_str), tally.ends.get(&end).copied().unwrap_or(0)))
            .map(|(end, runs)| (end.to_owned(), runs.into()))
            .collect();
        json!({
            "rule": rule.as_str(),
            "runs": tally.runs,
            "flags": tally.flags,
            "went_on": tally.went_on,
            "longest_ms": tally.longest_ms,
            "ends": ends,
        })
    });
    let runs = story.runs.iter().map(|(key, run)| {
        let flags = run.flags.iter().map(|flag| {
            json!({
                "rule": flag.rule.as_str(),
                "line": flag.line,
                "at": flag.at.to_rfc3339(),
                "until": flag.until.to_rfc3339(),
                "duration_ms": flag.millis(),
                "lasts": flag.lasts,
            })
        });
        let flags: Vec<Value> = flags.collect();
        json!({ "key": key, "judged": run.judged, "end": run.end.map(Status::as_str), "flags": flags })
    });
    json!({
        "schema": SCHEMA,
        "limits": limits,
        "unread": story.unread,
        "rules": rules.collect::<Vec<_>>(),
        "runs": runs.collect::<Vec<_>>(),
    })
}
