//! One started binary: its pid, its port, what it wrote to standard error. Killed when dropped.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::size;
use crate::support::binary::wheelwatch;
use crate::support::http;

/// The times of the spec: a debug build on two cores that other tests share needs longer than a release build. The long
/// versions are ten to a thousand times as large, with a debug build's reducer as the judge, and wait accordingly: only who
/// fails waits that long.
pub fn with_slack(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds)) * size(4, 60)
}

/// Waits for a condition for at most the spec's time, with some slack.
pub fn within<T>(seconds: u32, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let (began, most) = (Instant::now(), with_slack(seconds));
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < most, "waited {most:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A command of the binary behind another program that becomes it: `strace`, `prlimit`, `unshare`, `setpriv`.
pub fn behind(prefix: &[String], home: &Path) -> Command {
    let plain = wheelwatch(home);
    let Some((program, rest)) = prefix.split_first() else { return plain };
    let mut command = Command::new(program);
    command.args(rest).arg(plain.get_program()).current_dir(home).stdin(Stdio::null());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Fails with what is needed when a program is not there.
pub fn needs(program: &str, package: &str) {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(program).is_file()));
    assert!(found, "this row needs `{program}` (in Debian: the package {package})");
}

#[derive(Debug)]
pub struct Process {
    child: Child,
    /// The one line that it printed.
    pub line: String,
    pub port: u16,
    pub stderr: PathBuf,
    _stdout: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a command that serves and waits for its line. Gives what it said when it ended instead.
    pub fn start(mut command: Command, stderr: &Path) -> Result<Self, String> {
        let file = File::options().create(true).append(true).open(stderr).expect("a file for standard error");
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        {
            let _limit = Limit::of(&child);
            stdout.read_line(&mut line).expect("stdout is UTF-8");
        }
        let port = line.split_once("http://127.0.0.1:").and_then(|(_, rest)| rest.split('/').next()?.parse().ok());
        let stderr = stderr.to_owned();
        let Some(port) = port else {
            let _ = child.kill();
            let status = within(10, "the end of the process", || child.try_wait().expect("our own child"));
            let said = std::fs::read_to_string(&stderr).unwrap_or_default();
            return Err(format!("{status}: {said}"));
        };
        Ok(Self { child, line, port, stderr, _stdout: stdout })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(status.success(), "kill -s {name} {pid}");
    }

    /// An answer, or none while there is none.
    pub fn ask(&self, path: &str) -> Option<http::Answer> {
        http::get(self.port, path).ok()
    }

    pub fn ended_within(&mut self, seconds: u32) -> ExitStatus {
        within(seconds, "the end of the process", || self.child.try_wait().expect("our own child"))
    }

    /// Ends it without any chance to tidy up.
    pub fn kill(self) {
        drop(self);
    }

    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// A number of `/proc/<pid>/status`, in KiB where it is an amount of memory.
    pub fn status(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("/proc");
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let value = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        value.unwrap_or_else(|| panic!("no {field} in /proc/<pid>/status"))
    }

    /// How often its threads waited for something and were woken.
    pub fn wakes(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("/proc");
        let wakes = tasks.flatten().filter_map(|task| {
            let status = std::fs::read_to_string(task.path().join("status")).ok()?;
            status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse::<u64>().ok())
        });
        wakes.sum()
    }

    /// Whether one of its threads has that name.
    pub fn has_thread(&self, name: &str) -> bool {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("/proc");
        let mut names = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.any(|found| found.trim_end() == name)
    }

    /// CPU time used so far, in hundredths of a second.
    pub fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("/proc");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        [11, 12].into_iter().map(|at| fields[at].parse::<u64>().expect("a number")).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        // Not forever: a tracer that hangs keeps what it traces.
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && began.elapsed() < with_slack(10) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Kills a process that says nothing for too long, so that waiting for what it says ends; dropped when it said it.
struct Limit(#[allow(dead_code, reason = "it is dropped")] Sender<()>);

impl Limit {
    fn of(child: &Child) -> Self {
        let pid = Pid::from_child(child);
        let (said, wait) = mpsc::channel();
        std::thread::spawn(move || {
            if wait.recv_timeout(with_slack(30)) == Err(RecvTimeoutError::Timeout) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Self(said)
    }
}
