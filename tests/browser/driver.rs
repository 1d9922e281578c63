//! A real Chromium, driven over the W3C WebDriver protocol by Debian's `chromedriver`.
//!
//! The protocol is JSON over HTTP and a test needs five of its commands, so this is written here: the known clients bring
//! a crate under a copyleft licence or a second HTTP stack.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{http, wait_for};

/// A headless browser window; closed and its processes ended when dropped.
pub(crate) struct Browser {
    driver: Child,
    /// Kept open: a driver that cannot print ends.
    _stdout: BufReader<ChildStdout>,
    port: u16,
    session: String,
}

impl Browser {
    /// Starts driver and browser. Panics with what to install when one of them is missing.
    pub(crate) fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver cannot be started ({error}); {INSTALL}"));
        let mut stdout = BufReader::new(driver.stdout.take().expect("stdout is piped"));
        let port = stdout
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok())
            .expect("chromedriver says its port");
        let mut browser = Self { driver, _stdout: stdout, port, session: String::new() };
        // No sandbox: tests run as root in containers. The page is our own, over the loopback address.
        let arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}});
        let session = browser.command("POST", "/session", Some(&wanted));
        let id = session["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {session}; {INSTALL}"));
        browser.session = id.to_owned();
        browser
    }

    /// Opens a page and waits until it is loaded.
    pub(crate) fn open(&self, url: &str) {
        self.in_session("url", &json!({ "url": url }));
    }

    /// The value of a script, which says `return`.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.in_session("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a script returns something that is not null or false.
    pub(crate) fn wait_for(&self, what: &str, script: &str) -> Value {
        wait_for(what, || Some(self.run(script)).filter(|value| !matches!(value, Value::Null | Value::Bool(false))))
    }

    /// A command of the browser's own protocol, for what WebDriver has no word for.
    pub(crate) fn devtools(&self, command: &str, params: &Value) -> Value {
        self.in_session("goog/cdp/execute", &json!({ "cmd": command, "params": params }))
    }

    /// The same about a node of the page; none when another page came into its place meanwhile.
    pub(crate) fn about_node(&self, command: &str, params: &Value) -> Option<Value> {
        let body = json!({ "cmd": command, "params": params });
        let (status, value) = self.answer("POST", &self.session_path("goog/cdp/execute"), Some(&body));
        let is_gone = value["message"].as_str().is_some_and(|text| text.contains("Could not find node with given id"));
        assert!(status == 200 || is_gone, "{command}: {value}; {INSTALL}");
        (status == 200).then_some(value)
    }

    /// The size of the page in CSS pixels, and the scheme that the system would ask for.
    pub(crate) fn look(&self, width: u32, scheme: &str) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
        // Without motion nothing slides away between a look and a click.
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// Presses keys one after the other, as a person would: characters, or [`keys`] such as [`keys::TAB`].
    pub(crate) fn press(&self, keys: &str) {
        let strokes: Vec<Value> = keys
            .chars()
            .flat_map(|key| [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})])
            .collect();
        self.in_session("actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]}));
    }

    /// A tab more, in which the browser then is.
    pub(crate) fn new_tab(&self) -> String {
        let tab = self.in_session("window/new", &json!({ "type": "tab" }));
        let handle = tab["handle"].as_str().expect("a handle").to_owned();
        self.switch(&handle);
        handle
    }

    /// Goes to a tab.
    pub(crate) fn switch(&self, handle: &str) {
        self.in_session("window", &json!({ "handle": handle }));
    }

    fn in_session(&self, command: &str, body: &Value) -> Value {
        self.command("POST", &self.session_path(command), Some(body))
    }

    fn session_path(&self, command: &str) -> String {
        format!("/session/{}/{command}", self.session)
    }

    fn command(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, value) = self.answer(method, path, body);
        assert_eq!(status, 200, "{method} {path}: {value}; {INSTALL}");
        value
    }

    fn answer(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let answer = http::request(self.port, method, path, body)
            .unwrap_or_else(|error| panic!("{method} {path} of chromedriver: {error}"));
        (answer.status, answer.json()["value"].take())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser; when that fails the driver's end does it.
        let _ = http::request(self.port, "DELETE", &format!("/session/{}", self.session), None);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Keys without a character, as WebDriver names them.
pub(crate) mod keys {
    pub(crate) const TAB: &str = "\u{e004}";
    pub(crate) const ENTER: &str = "\u{e007}";
    pub(crate) const ESCAPE: &str = "\u{e00c}";
}

const INSTALL: &str = "on Debian: apt-get install chromium chromium-driver; or run scripts/test, which does";
