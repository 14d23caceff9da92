//! Commands, and what they say.

use std::io::Write;
use std::process::{Command, Stdio};

/// Runs `ip`. Returns whether it succeeded and what it said.
pub(crate) fn attempt(arguments: &str) -> (bool, String) {
    landfall_test_process::output(Command::new("ip").args(arguments.split_whitespace()))
}

/// Runs `ip`, which must succeed.
pub(crate) fn ip(arguments: &str) {
    succeed(Command::new("ip").args(arguments.split_whitespace()));
}

pub(crate) fn succeed(command: &mut Command) {
    output(command);
}

pub(crate) fn output(command: &mut Command) -> String {
    let (succeeded, said) = landfall_test_process::output(command);
    assert!(succeeded, "{command:?}: {said}");
    said
}

/// Runs many `ip` commands in one process, in this namespace if one is named.
pub(crate) fn batch(namespace: Option<&str>, lines: &str) {
    let mut command = Command::new("ip");
    if let Some(namespace) = namespace {
        command.args(["-netns", namespace]);
    }
    feed(command.args(["-batch", "-"]), lines);
}

/// Runs a command that reads its work from standard input.
pub(crate) fn feed(command: &mut Command, input: &str) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {input}: {said}");
}
