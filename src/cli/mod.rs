//! The command line: one file per command. It must never know SQL or HTML.

/// Runs the program with the arguments of this process and gives its exit code.
#[must_use]
pub fn run() -> std::process::ExitCode {
    todo!()
}
