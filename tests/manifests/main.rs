//! `landfall validate` and `landfall migrate`, as processes.
#![expect(clippy::unwrap_used, reason = "tests")]

mod forms;
mod migrating;
mod validating;

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What `landfall` says and how it ends.
struct Said {
    status: i32,
    out: Vec<String>,
    errors: String,
}

/// Runs it with a text on standard input.
fn landfall(arguments: &[&str], input: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_landfall"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, text) = (child.stdin.take().unwrap(), input.to_owned());
    // Who does not read it, need not.
    let writing = std::thread::spawn(move || stdin.write_all(text.as_bytes()).ok());
    let mut stderr = child.stderr.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut errors = String::new();
        stderr.read_to_string(&mut errors).map(|_| errors)
    });
    let mut out = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    writing.join().unwrap();
    Said {
        status: child.wait().unwrap().code().unwrap(),
        out: out.lines().map(str::to_owned).collect(),
        errors: reading.join().unwrap().unwrap(),
    }
}

/// Files of a test, which are gone at its end.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}
