//! Arguments, tracing, one error chain, exit code.

fn main() -> std::process::ExitCode {
    wheelwatch::cli::run()
}
