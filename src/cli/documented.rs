//! README and `.env.example` say every command, option and variable, and no other (spec 4.1).

use std::collections::BTreeSet;

use clap::{Arg, Command, CommandFactory};

use super::Cli;
use super::settings::STATE_DIR_VARIABLES;

const README: &str = include_str!("../../README.md");
const EXAMPLE: &str = include_str!("../../.env.example");

/// The options of every command, without those that are the library's own.
fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    let own = |argument: &&Arg| argument.get_long().is_some_and(|long| !matches!(long, "help" | "version"));
    command.get_arguments().filter(own)
}

fn variable(argument: &Arg) -> Option<String> {
    argument.get_env().map(|name| name.to_str().expect("ASCII").to_owned())
}

/// The rows of the table below a heading of the README, each as its cells.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let section = README.split_once(&format!("## {heading}\n")).unwrap_or_else(|| panic!("no {heading}")).1;
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    // A bar within a cell is escaped.
    let cells = |row: &'static str| row.trim_matches('|').split(" | ").map(|cell| cell.trim()).collect();
    rows.skip(2).map(cells).collect()
}

#[test]
fn every_option_has_an_environment_variable() {
    for argument in options(&Cli::command()) {
        let long = argument.get_long().unwrap_or_default();
        let expected = format!("WHEELWATCH_{}", long.to_uppercase().replace('-', "_"));
        assert_eq!(variable(argument), Some(expected), "--{long}");
    }
}

#[test]
fn the_example_environment_lists_every_variable_and_no_other() {
    let listed: Vec<&str> =
        EXAMPLE.lines().filter_map(|line| line.strip_prefix('#')?.split_once('=')).map(|(name, _)| name).collect();
    let listed: BTreeSet<&str> = listed.into_iter().filter(|name| !name.contains(' ')).collect();
    let command = Cli::command();
    let mut known: BTreeSet<String> = options(&command).filter_map(variable).collect();
    known.extend(STATE_DIR_VARIABLES.map(String::from));
    known.insert("NO_COLOR".into());
    assert_eq!(listed, known.iter().map(String::as_str).collect());
    assert!(EXAMPLE.lines().all(|line| line.is_empty() || line.starts_with('#')), "nothing is set by the example");
}

#[test]
fn the_readme_lists_every_option_and_no_other() {
    let command = Cli::command();
    let expected: Vec<Vec<String>> = options(&command)
        .map(|argument| {
            let long = argument.get_long().unwrap_or_default();
            let value = argument.get_value_names().filter(|_| argument.get_action().takes_values());
            let switch = argument.get_num_args().is_some_and(|range| range.min_values() == 0);
            let value = value.filter(|_| !switch).map_or(String::new(), |names| format!(" {}", names[0]));
            let short = argument.get_short().map_or(String::new(), |short| format!("`-{short}`, "));
            vec![format!("{short}`--{long}{value}`"), format!("`{}`", variable(argument).unwrap_or_default())]
        })
        .collect();
    let listed: Vec<Vec<&str>> = table("Options").into_iter().map(|row| row[..2].to_vec()).collect();
    assert_eq!(listed, expected);
}

#[test]
fn the_readme_lists_every_command_with_its_options_and_no_other() {
    let command = Cli::command();
    let listed = table("Commands");
    let text: String = listed.iter().map(|row| row[0]).collect::<Vec<_>>().join("\n");
    let named: Vec<&str> = listed
        .iter()
        .map(|row| row[0].trim_matches('`').split(' ').nth(1).expect("a command").trim_matches(['[', ']', '`', ',']))
        .collect();
    let known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    assert_eq!(named, known, "in the order of --help");
    let mut all = BTreeSet::new();
    for (row, command) in listed.iter().zip(command.get_subcommands()) {
        let own = std::iter::once(command).chain(command.get_subcommands()).flat_map(options);
        for long in own.filter_map(|argument| Some(format!("--{}", argument.get_long()?))) {
            assert!(row[0].contains(&long), "{} {long}", command.get_name());
            all.insert(long);
        }
    }
    let written = text.split(['`', ' ', '[', ']']).filter(|word| word.starts_with("--"));
    let unknown: Vec<&str> = written.filter(|word| !all.contains(*word)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
