//! Our environment variables: also from `.env`, an empty one says nothing, and one that is refused is named.

use std::path::Path;

use clap::builder::{Resettable, StyledStr};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, Parser};

use super::error::CliError;

/// Reads our variables from `.env`; the file may belong to somebody else, so its other lines do not matter. What the
/// environment already says stays.
///
/// # Errors
/// [`CliError::Config`] with the line that is none of such a file.
pub(super) fn load_file(file: &Path) -> Result<(), CliError> {
    let Ok(text) = std::fs::read_to_string(file) else { return Ok(()) };
    let ours = |line: &str| {
        let line = line.trim_start();
        let name = line.strip_prefix("export ").unwrap_or(line).trim_start();
        ["WHEELWATCH_", "REPO_RECALL_RUN_STATE_DIR", "NO_COLOR"].iter().any(|start| name.starts_with(start))
    };
    for (number, line) in text.lines().enumerate().filter(|(_, line)| ours(line)) {
        dotenvy::from_read(line.as_bytes()).map_err(|error| CliError::Config {
            file: file.to_owned(),
            line: number + 1,
            reason: error.to_string(),
        })?;
    }
    Ok(())
}

/// The arguments of this process, and what the variables say where they say nothing.
///
/// # Errors
/// Also help and version.
pub(super) fn parse<P: Parser>() -> Result<P, clap::Error> {
    let mut command = P::command().mut_args(|argument| match is_empty(&argument) {
        true => argument.env(Resettable::Reset),
        false => argument,
    });
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    matches
        .and_then(|mut matches| P::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command)))
        .map_err(|error| with_variable(error, &command))
}

/// Whether its variable is set to nothing, which is how many unset one.
fn is_empty(argument: &Arg) -> bool {
    argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty())
}

/// Says which variable a refused value is from: nobody typed it.
fn with_variable(mut error: clap::Error, command: &Command) -> clap::Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let said = |argument: &Arg| {
        let name =
            argument.get_env().filter(|_| text(ContextKind::InvalidArg) == Some(argument.to_string().as_str()))?;
        let value = std::env::var_os(name)?;
        (text(ContextKind::InvalidValue)? == value.to_string_lossy()).then(|| name.to_string_lossy().into_owned())
    };
    if let Some(name) = command.get_arguments().find_map(said) {
        let tip = StyledStr::from(format!("the environment variable {name} says so"));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}
