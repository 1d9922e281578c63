//! The binary under test: never a user's configuration, cache or port.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use super::{PATIENCE, http, wait_for};

/// A command of the binary with a cache of its own and nothing from the environment of whoever runs the tests.
pub fn wheelwatch(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wheelwatch"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("WHEELWATCH_") || name.starts_with("REPO_RECALL_") || name.starts_with("XDG_") {
            command.env_remove(name);
        }
    }
    command.env("HOME", home).env("NO_COLOR", "1").current_dir(home).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn output(command: &mut Command) -> Output {
    command.output().expect("the binary runs")
}

/// Standard output of a command that must end with 0.
pub fn stdout_of(command: &mut Command) -> String {
    let output = output(command);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}: {stderr}", output.status);
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    /// The one line that it printed.
    pub line: String,
    pub port: u16,
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts `wheelwatch serve` on a free port and waits for its line.
    pub fn start(home: &Path, state: &Path) -> Self {
        Self::start_with(wheelwatch(home).args(["serve", "--port", "0"]).arg(state))
    }

    /// Starts a command that serves, and waits for its line.
    pub fn start_with(command: &mut Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary can be started");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("stdout is UTF-8");
        let Some(port) = port_of(&line) else {
            let _ = child.kill();
            let mut stderr = String::new();
            let _ = child.stderr.take().expect("stderr is piped").read_to_string(&mut stderr);
            panic!("no address in {line:?}; standard error: {stderr}");
        };
        Self { child, line, port, _stdout: stdout }
    }

    /// The answer to a GET that must be a 200.
    pub fn get(&self, path: &str) -> http::Answer {
        let answer = http::get(self.port, path).unwrap_or_else(|error| panic!("GET {path}: {error}"));
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.body);
        answer
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, as the shell's `kill` takes it.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().expect("kill runs");
        assert!(status.success(), "kill -s {name}");
    }

    /// Ends it as a service manager does, and gives what it had to say.
    pub fn stop(mut self) -> String {
        self.signal("TERM");
        let mut stderr = String::new();
        let pipe = self.child.stderr.take().expect("stderr is piped");
        BufReader::new(pipe).read_to_string(&mut stderr).expect("standard error is UTF-8");
        assert!(self.ended().success(), "{stderr}");
        stderr
    }

    /// Waits for the end.
    pub fn ended(&mut self) -> ExitStatus {
        wait_for("the server's end", || self.child.try_wait().expect("our own child"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn port_of(line: &str) -> Option<u16> {
    let rest = line.split_once("http://127.0.0.1:")?.1;
    rest[..rest.find('/')?].parse().ok()
}

const _: () = assert!(PATIENCE.as_secs() > 5, "a stop may take five seconds");
