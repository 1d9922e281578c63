//! The command line: one file per command. It must never know SQL or HTML.
//!
//! Results go to standard output through `screen`, everything else to standard error. The exit codes are those of spec
//! 4.1 and stand in `error`.

mod again;
mod build;
mod config;
mod demo;
mod desk;
mod dialect;
mod doctor;
#[cfg(test)]
mod documented;
mod dump;
mod environment;
mod error;
mod events;
mod generated;
mod json;
mod log;
mod options;
mod pill;
mod rehearse;
mod screen;
mod serve;
mod settings;
mod show;
mod status;
mod verify;
mod wait;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::app;
use error::CliError;
use options::Options;
use screen::{Screen, harmless};
use settings::Settings;

/// Shows what your local agent runs are doing, from their logs alone, with the evidence.
#[derive(Debug, clap::Parser)]
#[command(
    name = "wheelwatch",
    version,
    after_help = "Examples:
  wheelwatch ./state                  watch ./state and serve http://127.0.0.1:7468
  wheelwatch demo --open              a simulated harness, live in the browser
  wheelwatch status ./state           open runs and what needs you, as a table
  wheelwatch show run-1 ./state       one run, with the line that proves each value
  wheelwatch wait run-1               until the run has ended or needs you; the exit code says which

Every option has an environment variable; .env in the working directory is read, .env.example lists them all.
WHEELWATCH_STATE_DIR (or REPO_RECALL_RUN_STATE_DIR) names the state directories when no argument does."
)]
struct Cli {
    #[command(flatten)]
    state: StateDirs,

    #[command(flatten)]
    options: Options,

    #[command(subcommand)]
    command: Option<Command>,
}

/// Where the runs are.
#[derive(Clone, Debug, Default, clap::Args)]
struct StateDirs {
    /// State directories: a run is a directory below that holds a run.log [default: ./state]
    #[arg(value_name = "STATE_DIR")]
    directories: Vec<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Serve(serve::Args),
    Status(status::Args),
    Show(show::Args),
    Events(events::Args),
    Wait(wait::Args),
    Pill(pill::Args),
    Doctor(doctor::Args),
    Dump(dump::Args),
    Build(build::Args),
    Verify(verify::Args),
    Rehearse(rehearse::Args),
    Demo(demo::Args),
    Dialect(dialect::Args),
    Completions(generated::Completions),
    Man(generated::Man),
}

/// Runs the program with the arguments of this process and gives its exit code.
#[must_use]
pub fn run() -> ExitCode {
    let result = environment::load_file(Path::new(".env")).and_then(|()| match environment::parse::<Cli>() {
        Ok(cli) => dispatch(cli),
        Err(error) => {
            // Help and version go to standard output, mistakes to standard error; a closed one is no reason to panic.
            let _ = error.print();
            Ok(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)))
        }
    });
    result.unwrap_or_else(|error| {
        if !error.is_broken_pipe() {
            let _ = writeln!(std::io::stderr(), "wheelwatch: {}", harmless(&error.to_string()));
        }
        ExitCode::from(error.exit_code())
    })
}

fn dispatch(cli: Cli) -> Result<ExitCode, CliError> {
    log::start(cli.options.verbose);
    let command = cli.command.unwrap_or(Command::Serve(serve::Args { state: cli.state }));
    let resolve = |state: &StateDirs| Settings::resolve(&cli.options, &state.directories);
    let settings = |state: &StateDirs| {
        let settings = resolve(state)?;
        // Where the kernel cannot see to that, the health page of a server says so.
        let _ = app::confine(&settings.cache, &settings.source);
        Ok::<_, CliError>(settings)
    };
    let mut screen = Screen::stdout();
    match &command {
        Command::Serve(args) => serve::run(resolve(&args.state)?)?,
        Command::Build(args) => build::run(args, &settings(&args.state)?, &mut screen)?,
        Command::Status(args) => status::run(args, &settings(&args.state)?, &mut screen)?,
        Command::Show(args) => show::run(args, &settings(&args.state)?, &mut screen)?,
        Command::Events(args) => events::run(args, &settings(&args.state)?, &mut screen)?,
        Command::Wait(args) => return wait::run(args, &settings(&args.state())?, &mut screen),
        Command::Pill(args) => pill::run(args, &settings(&args.state)?, &mut screen)?,
        Command::Dump(args) => dump::run(args, &settings(&args.state)?, &mut screen)?,
        Command::Rehearse(args) => rehearse::run(args, &settings(&args.state)?, &mut screen)?,
        Command::Verify(args) => {
            if !verify::run(args, &settings(&args.state)?, &mut screen)? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Demo(args) => demo::run(args, &cli.options)?,
        Command::Completions(args) => generated::completions(args, &mut screen)?,
        Command::Man(args) => generated::man(args, &mut screen)?,
        Command::Dialect(args) => dialect::run(args, &cli.options, &mut screen)?,
        Command::Doctor(args) => {
            if !doctor::run(&settings(&args.state)?, &mut screen)? {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        let command = Cli::command();
        for command in std::iter::once(&command).chain(command.get_subcommands()) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:\n  wheelwatch "), "{}", command.get_name());
        }
    }

    #[test]
    fn there_is_no_option_for_another_address() {
        let command = Cli::command();
        let mut names = command.get_arguments().filter_map(|argument| argument.get_long());
        assert!(!names.any(|name| ["host", "bind", "address", "listen"].contains(&name)));
    }
}
