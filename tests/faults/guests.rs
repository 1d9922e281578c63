//! Who may not come in, what may not go out, and what is held by the kernel (spec 5.3, 5.4.5): against the real binary.
//! What one answer must look like is tested beside the code that makes it (`web::guard`, `web::serve`, `tests/web.rs`).

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;

use wheelwatch::reducer::visible::visible;

use crate::house::House;
use crate::process::{Process, behind, needs};
use crate::size;
use crate::support::append;
use crate::tail::lines;

/// Stands outside the state directory and must never be seen.
const CANARY: &str = "kanarienvogel-7c21";

/// Everything that is shown of a run, and what lies around it.
const SURFACES: [&str; 12] = [
    "/",
    "/runs",
    "/attention",
    "/queue",
    "/health",
    "/runs/a",
    "/runs/a/lines/1",
    "/runs/a/artifacts/1",
    "/api/runs/a",
    "/api/runs/a/events",
    "/nothing",
    "/runs/nobody",
];

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

/// A whole answer as it comes, head and all.
fn raw(port: u16, target: &str, fields: &str) -> String {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
    let head = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{fields}\r\n");
    socket.write_all(head.as_bytes()).expect("a request");
    let mut answer = Vec::new();
    // A reset after the answer ends it as well.
    let _ = socket.read_to_end(&mut answer);
    String::from_utf8(answer).expect("an answer is UTF-8")
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {answer}"))
}

#[test]
fn t98_only_the_loopback_address_listens_whatever_the_environment_says() {
    let mut house = House::new();
    let all = ["HOST", "ADDRESS", "BIND", "LISTEN"].map(|name| format!("WHEELWATCH_{name}=0.0.0.0"));
    house.prefix = [vec![String::from("env")], all.to_vec()].concat();
    house.start();
    let port = format!(":{:04X}", house.process().port);
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let table = fs::read_to_string(table).unwrap_or_default();
        let rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
        let listening = rows.filter(|row| row.get(3) == Some(&"0A") && row[1].ends_with(&port));
        found.extend(listening.map(|row| row[1].to_owned()));
    }
    let loopback = format!("{:08X}{port}", u32::from_ne_bytes([127, 0, 0, 1]));
    assert_eq!(found, [loopback]);
    for option in ["--host", "--address", "--bind"] {
        let output = behind(&[], &house.beside("home")).args([option, "0.0.0.0"]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{option}");
    }
    house.check(5);
}

#[test]
fn t110_a_log_full_of_links_makes_no_link_that_leads_out() {
    let mut house = House::new();
    let links = [
        "http://evil.test/a",
        "https://evil.test",
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "file:///etc/passwd",
        "//evil.test/b",
        "https://еvil.test",
        "<a href=http://evil.test>x</a>",
        "[x](http://evil.test)",
        "<link rel=preconnect href=//evil.test>",
        "\\u001b]8;;http://evil.test\\u0007x\\u001b]8;;\\u0007",
    ];
    for link in links {
        let link = link.replace('"', "\\\"");
        let event = format!(
            "{{\"event\":\"approval.requested\",\"id\":\"{link}\",\"title\":\"{link}\",\"message\":\"{link}\",\"phase\":\"{link}\",\
             \"workflow\":\"{link}\",\"repo\":\"{link}\",\"risk\":\"{link}\",\"params\":{{\"url\":\"{link}\"}},\"input\":\"{link}\",\
             \"artifact\":\"{link}\",\"error\":\"{link}\",\"reason\":\"{link}\"}}\n"
        );
        append(&house.state, "a", &event);
        append(&house.state, "a", &format!("{link}\n"));
    }
    append(&house.state, "a", "{\"artifact\":\"notes.md\"}\n");
    fs::write(house.state.join("a/notes.md"), links.join("\n\n")).expect("an artifact");
    house.start();
    house.converge(5);
    let last =
        format!("/runs/a/artifacts/{}", house.run("a").expect("a run")["artifacts"].as_array().map_or(0, Vec::len));
    for path in SURFACES.into_iter().filter(|path| !path.starts_with("/api")).chain([last.as_str()]) {
        let page = house.process().ask(path).expect("a page").body;
        assert!(page.contains("<html"), "{path}: {page}");
        let mut seen = 0;
        for name in
            ["href", "src", "action", "formaction", "data", "poster", "ping", "srcset", "background", "manifest"]
        {
            for (at, _) in page.match_indices(&format!(" {name}=\"")) {
                let value = page[at..].split('"').nth(1).expect("a value");
                let ours = value.starts_with(['#', '?']) || value.starts_with('/') && !value.starts_with("//");
                assert!(ours, "{path}: {name}=\"{value}\"");
                seen += 1;
            }
        }
        assert!(seen > 5, "{path}: only {seen} addresses were found");
        for tag in ["<base", "<iframe", "<object", "<embed", "preconnect", "prefetch", "http-equiv"] {
            let written = page.match_indices(tag).any(|(at, _)| page[..at].ends_with('>') || tag.starts_with('<'));
            assert!(!written, "{path}: {tag}");
        }
    }
    house.check(5);
}

#[test]
fn t113_no_spelling_of_a_path_leads_out_of_the_state_directory() {
    let mut house = House::new();
    let canary = house.beside("canary");
    fs::write(&canary, CANARY).expect("a file");
    append(&house.state, "a", &lines(0..3));
    for path in ["../canary", "../../canary", "/proc/self/environ", canary.to_str().expect("text"), "x/../../../canary"]
    {
        append(&house.state, "a", &format!("{{\"event\":\"artifact.written\",\"path\":\"{path}\"}}\n"));
    }
    house.start();
    house.converge(5);
    let up = |step: &str| format!("{}canary", step.repeat(3));
    let steps = [
        "../",
        "%2e%2e/",
        "%2E%2E%2F",
        "%252e%252e/",
        "..%2f",
        "..%252f",
        "..%5c",
        "..\\",
        ".%00./",
        "..%00/",
        "%c0%ae%c0%ae/",
        "%e0%80%ae%e0%80%ae/",
        "..%c0%af",
        "..%ef%bc%8f",
        ".../",
        "....//",
        "..;/",
        "./../",
        "/../",
        "//",
        "/./",
        "%2f..%2f",
        "..%20/",
        "../%20",
        ".%2e/",
        "%2e./",
        "..%09/",
        "..%0d%0a/",
        "..%u2215",
        "..%uff0f",
    ];
    let mut forms: Vec<String> = steps.iter().map(|step| up(step)).collect();
    forms.extend(
        [
            "/etc/passwd",
            "/proc/self/environ",
            "file:///etc/passwd",
            "canary.",
            "canary%20",
            "canary;x",
            "canary%23",
            "%",
        ]
        .map(str::to_owned),
    );
    forms.push(format!("{}canary", "../".repeat(3000)));
    forms.push("a".repeat(10_000));
    let places =
        ["/", "/runs/", "/runs/a/lines/", "/runs/a/artifacts/", "/api/runs/", "/api/runs/a/artifacts/", "/assets/0/"];
    for form in &forms {
        for place in places {
            let answer = raw(house.process().port, &format!("{place}{form}"), "");
            assert!([400, 403, 404].contains(&status(&answer)), "{place}{form}: {answer}");
            assert!(!answer.contains(CANARY) && !answer.contains("root:"), "{place}{form}: {answer}");
        }
    }
    for place in 1..=5 {
        for path in [format!("/runs/a/artifacts/{place}"), format!("/api/runs/a/artifacts/{place}")] {
            let answer = raw(house.process().port, &path, "");
            assert!(!answer.contains(CANARY) && !answer.contains("PATH="), "{path}: {answer}");
        }
    }
    house.check(5);
}

#[test]
fn t117_an_artifact_of_gigabytes_is_sent_and_not_held() {
    let mut house = House::new();
    let length: u64 = size(48 << 20, 5 << 30);
    append(&house.state, "a", "{\"event\":\"artifact.written\",\"path\":\"big.bin\"}\n");
    File::create(house.state.join("a/big.bin")).and_then(|file| file.set_len(length)).expect("a sparse file");
    house.start();
    house.converge(5);
    let before = house.process().status("VmHWM");
    let port = house.process().port;
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
    let head = format!("GET /api/runs/a/artifacts/1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).expect("a request");
    let (mut piece, mut got) = (vec![0; 1 << 20], 0);
    while let Ok(read @ 1..) = socket.read(&mut piece) {
        got += read as u64;
    }
    assert!(got > length, "{got} bytes of {length} and a head");
    let after = house.process().status("VmHWM");
    assert!(after < before + (16 << 10), "{after} KiB instead of {before} KiB");
    house.check(5);
}

#[test]
fn t119_another_user_of_the_machine_is_refused_everywhere() {
    needs("setpriv", "util-linux");
    assert!(rustix::process::geteuid().is_root(), "this row must become another user: run it as root");
    let mut house = House::started();
    append(&house.state, "a", &lines(0..3));
    house.converge(5);
    let port = house.process().port;
    for path in SURFACES {
        let script = format!(
            "exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET {path} HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n\\r\\n' >&3; cat <&3"
        );
        let ask = |user: &str| {
            let mut command = Command::new("setpriv");
            command.args([&format!("--reuid={user}"), "--clear-groups", "bash", "-c", &script]).current_dir("/");
            String::from_utf8_lossy(&command.output().expect("setpriv runs").stdout).into_owned()
        };
        assert_eq!(status(&ask("65534")), 403, "{path}");
    }
    assert_eq!(status(&raw(port, "/", "")), 200, "our own user");
    house.check(5);
}

#[test]
fn t120_where_nobody_knows_whose_a_connection_is_a_token_opens_once() {
    needs("unshare", "util-linux");
    let house = House::new();
    append(&house.state, "a", &lines(0..3));
    let hide = "mount -t tmpfs none /proc && exec \"$@\"";
    let namespace = if rustix::process::geteuid().is_root() { "-m" } else { "-Urm" };
    let mut command = behind(&words(["unshare", namespace, "sh", "-c", hide, "sh"]), &house.beside("home"));
    command.args(["serve", "-vvv", "--port", "0", "--cache"]).arg(&house.cache).arg(&house.state);
    let server = Process::start(command, &house.beside("stderr")).expect("it starts");
    let entrance = server.line.split(" · ").next().expect("an address");
    let (_, target) = entrance.split_once(&server.port.to_string()).expect("a port");
    let token = target.strip_prefix("/?token=").expect("a token");
    assert_eq!(token.len(), 64, "{entrance}");
    for path in SURFACES.into_iter().chain(["/api/health", "/api/stream", "/?token=", "/?token=0"]) {
        assert_eq!(status(&raw(server.port, path, "")), 401, "{path}");
    }
    let answer = raw(server.port, target, "");
    assert!(status(&answer) == 303 && answer.contains("\r\nlocation: /\r\n"), "{answer}");
    assert!(answer.contains("referrer-policy: no-referrer") && !answer.contains(token), "{answer}");
    let cookie = answer.split("\r\nset-cookie: ").nth(1).and_then(|rest| rest.split(';').next()).expect("a cookie");
    let with_cookie = format!("Cookie: {cookie}\r\n");
    for path in SURFACES.into_iter().chain(["/api/health"]) {
        let answer = raw(server.port, path, &with_cookie);
        assert!([200, 404].contains(&status(&answer)), "{path}: {answer}");
        assert!(!answer.contains(token) && !answer.contains(&cookie[20..]), "{path} shows a secret");
    }
    assert_eq!(status(&raw(server.port, target, "")), 401, "it works once");
    let said = server.said();
    assert!(said.contains("table of sockets") && !said.contains(token) && !said.contains(&cookie[20..]), "{said}");
    let arguments = fs::read(format!("/proc/{}/cmdline", server.pid())).expect("/proc");
    assert!(!String::from_utf8_lossy(&arguments).contains(token));
}

#[test]
fn t122_no_command_prints_what_a_terminal_obeys() {
    needs("script", "bsdutils");
    let mut house = House::new();
    let evil = "a\\u001b[31mb\\u009b2Jc\\u001b]0;t\\u0007d\\u001b]52;c;eA==\\u0007e\\u001bPq\\u001b\\\\f\\u0008\\rg\\u202eh\\u200bi\\udb40\\udc41j\\u007f";
    let event = |name: &str, more: &str| {
        format!(
            "{{\"ts\":1780000000,\"event\":\"{name}\",\"title\":\"{evil}\",\"phase\":\"{evil}\",\"step\":\"{evil}\",\"reason\":\"{evil}\",\"message\":\"{evil}\",\"error\":\"{evil}\"{more}}}\n"
        )
    };
    for name in
        ["phase.started", "step.started", "question.asked", "approval.requested", "handoff.requested", "step.failed"]
    {
        append(&house.state, "run\u{1b}[31m\n\u{202e}x", &event(name, ""));
    }
    append(&house.state, "plain", "text \u{1b}[2J \u{9b}1m \u{202e} \r over\n{\"torn\u{1b}]0;x\u{7}\n");
    house.start();
    house.converge(5);
    house.stop();
    let key = "run%1B%5B31m%0A%E2%80%AEx";
    let commands: [&[&str]; 10] = [
        &["status"],
        &["show", key],
        &["show", "plain"],
        &["events", key],
        &["events", "plain"],
        &["doctor"],
        &["pill"],
        &["verify"],
        &["show", "\u{1b}[31mnobody\u{202e}"],
        &["dump"],
    ];
    for arguments in commands {
        for json in [false, true] {
            if json && !["status", "show", "events", "verify"].contains(&arguments[0]) {
                continue;
            }
            let mut command = behind(&[], &house.beside("home"));
            command.args(arguments).args(json.then_some("--json")).arg("--cache").arg(&house.cache);
            command.env("WHEELWATCH_STATE_DIR", &house.state);
            let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().expect("text").replace('\'', "'\\''"));
            let line = std::iter::once(command.get_program())
                .chain(command.get_args())
                .map(quoted)
                .collect::<Vec<_>>()
                .join(" ");
            let piped = command.output().expect("it runs");
            // A progress bar, which is our own, goes to standard error.
            let mut terminal = Command::new("script");
            terminal.args(["-qec", &format!("{line} 2>/dev/null"), "/dev/null"]).current_dir(house.beside("home"));
            for (name, value) in command.get_envs() {
                match value {
                    Some(value) => terminal.env(name, value),
                    None => terminal.env_remove(name),
                };
            }
            let shown = terminal.output().expect("script runs");
            // The line discipline writes CR LF.
            let shown = String::from_utf8(shown.stdout).expect("UTF-8").replace("\r\n", "\n");
            assert!(shown.len() > 10 || piped.stdout.is_empty(), "{line}: nothing on the terminal");
            for (where_to, bytes) in [("out", piped.stdout), ("error", piped.stderr), ("terminal", shown.into_bytes())]
            {
                let text = String::from_utf8(bytes).expect("UTF-8");
                assert!(visible(&text) == text, "{line} ({where_to}): {text:?}");
            }
        }
    }
    house.start();
    house.check(5);
}

#[test]
fn the_kernel_keeps_every_thread_from_writing_elsewhere_and_the_page_says_so() {
    let mut house = House::started();
    append(&house.state, "a", &lines(0..3));
    house.converge(5);
    let why = house.health()["unconfined"].clone();
    let page = house.process().ask("/health").expect("a page").body;
    if let Some(why) = why.as_str() {
        eprintln!("NOT TESTED: Landlock confines the server ({why})");
        assert!(page.contains("keeps it from writing elsewhere"), "the health page is silent");
        return;
    }
    assert!(page.contains("Landlock"), "the health page is silent");
    let tasks = fs::read_dir(format!("/proc/{}/task", house.process().pid())).expect("/proc");
    let threads: Vec<_> =
        tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("status")).ok()).collect();
    assert!(threads.len() > 3, "{} threads", threads.len());
    for thread in threads {
        // What Landlock asks for, and what each thread has that was started after it.
        assert!(thread.contains("NoNewPrivs:\t1"), "{thread}");
    }
    house.check(5);
}
