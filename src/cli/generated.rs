//! `completions` and `man`: made from the same description of the command line that reads it.

use clap::CommandFactory;

use super::Cli;
use super::error::CliError;
use super::screen::Screen;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch completions bash > ~/.local/share/bash-completion/completions/wheelwatch
  wheelwatch completions zsh > ~/.zfunc/_wheelwatch
  wheelwatch completions fish > ~/.config/fish/completions/wheelwatch.fish")]
pub(super) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Print the manual page, of the program or of one command
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wheelwatch man | man -l -
  wheelwatch man events > wheelwatch-events.1")]
pub(super) struct Man {
    /// The command; without one, the program
    #[arg(value_name = "COMMAND")]
    of: Option<String>,
}

pub(super) fn completions(args: &Completions, screen: &mut Screen) -> Result<(), CliError> {
    // Into memory first: the library panics when a write fails.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "wheelwatch", &mut text);
    Ok(screen.own(&text)?)
}

pub(super) fn man(args: &Man, screen: &mut Screen) -> Result<(), CliError> {
    let mut all = Cli::command();
    all.build();
    let command = match &args.of {
        None => all,
        Some(name) => {
            let found = all.get_subcommands().find(|command| command.get_name() == name).cloned();
            found.ok_or_else(|| CliError::Usage(format!("there is no command {name:?}")))?
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    Ok(screen.own(&text)?)
}
