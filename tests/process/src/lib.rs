//! For tests: programs of ours as child processes, each with what it has printed, and what stands
//! between them.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests end where something is not as it should be"
)]

mod cloud;
mod gateway;
mod moto;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use cloud::{Admin, MockCloud};
pub use gateway::{Gateway, Way};
pub use moto::{Moto, moto};

/// Longest that anything may take; machines are shared and slow at times.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A program of ours. Built with the workspace, they stand side by side, in the folder above that
/// of the tests.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join(name);
    assert!(
        path.exists(),
        "{name} is not built; run the tests with --workspace"
    );
    path
}

/// A running program. It is ended when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    /// What it has printed on standard output so far.
    pub printed: Vec<String>,
    errors: Arc<Mutex<String>>,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// All that it logged.
    pub errors: String,
    /// How long the end was waited for.
    pub took: Duration,
}

impl Process {
    /// Starts a program.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let errors = Arc::new(Mutex::new(String::new()));
        let (kept, mut stderr) = (errors.clone(), BufReader::new(child.stderr.take().unwrap()));
        std::thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|read| read > 0) {
                kept.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        Self {
            child,
            lines,
            printed: Vec::new(),
            errors,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn errors(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    /// Waits for a line, and returns it.
    pub fn wait_for(&mut self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        if let Some(line) = self.printed.iter().find(|line| is_it(line)) {
            return line.clone();
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.printed.push(line.clone());
                    if is_it(&line) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no {what}; {}", self.said()),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended before {what}; {}", self.said())
                }
            }
        }
    }

    /// Waits for the line `ready`.
    pub fn wait_until_ready(&mut self) {
        self.wait_for("ready", |line| line == "ready");
    }

    /// Where the socket of this name listens.
    pub fn listens(&mut self, name: &str) -> SocketAddr {
        let start = format!("listening {name} ");
        let line = self.wait_for(&start, |line| line.starts_with(&start));
        line[start.len()..].parse().unwrap()
    }

    /// Ends it as a crash would, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal: `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> Ended {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // The reader of standard error ends with the process.
                std::thread::sleep(Duration::from_millis(50));
                return Ended {
                    status,
                    errors: self.errors(),
                    took: start.elapsed(),
                };
            }
            assert!(start.elapsed() < PATIENCE, "does not end; {}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn said(&self) -> String {
        format!(
            "it printed {:#?} and logged:\n{}",
            self.printed,
            self.errors()
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            // Kindly, so that it takes its files with it.
            let _ = Command::new("kill")
                .args(["-TERM", &self.id().to_string()])
                .status();
            let deadline = Instant::now() + Duration::from_secs(6);
            while Instant::now() < deadline
                && self.child.try_wait().is_ok_and(|ended| ended.is_none())
            {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        // It may have ended by now; there is nothing to do about it then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a page's walks, each with what stands behind `#`.
pub fn walk(page: &str) -> Vec<(String, Option<String>)> {
    let blocks = page.split("```sh walk\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    let parts = lines.map(|line| match line.split_once(" #") {
        Some((line, shown)) => (line.trim().to_owned(), Some(shown.trim().to_owned())),
        None => (line.trim().to_owned(), None),
    });
    parts.collect()
}

/// Runs a command to its end. Returns whether it succeeded and all that it printed.
pub fn output(command: &mut Command) -> (bool, String) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let mut stderr = child.stderr.take().unwrap();
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    let status = child.wait().unwrap();
    text.push_str(&errors.join().unwrap().unwrap());
    (status.success(), text)
}

/// kubectl of 1.27 or newer, as the runner of all tests found or built it.
pub fn kubectl() -> Option<PathBuf> {
    let named = std::env::var_os("LANDFALL_KUBECTL").map(PathBuf::from);
    let on_path = || {
        let folders = std::env::var_os("PATH")?;
        std::env::split_paths(&folders)
            .map(|it| it.join("kubectl"))
            .find(|it| it.exists())
    };
    let found = named.or_else(on_path);
    if found.is_none() {
        skip("what needs kubectl: there is none; tests/run finds or builds one");
    }
    found
}

/// Says that something was not tested, where the runner of all tests repeats it.
pub fn skip(what: &str) {
    eprintln!("SKIPPED: {what}");
    if let Ok(path) = std::env::var("LANDFALL_SKIPPED") {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        writeln!(file, "{what}").unwrap();
    }
}
