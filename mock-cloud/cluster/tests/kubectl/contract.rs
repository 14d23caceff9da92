//! The process contract of `mock-cluster`: its file and its messages.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_kubeconfig_of_somebody_else_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, "apiVersion: v1\n").unwrap();
    let output = start_with(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains("--kubeconfig") && message.contains("choose another file"),
        "{message}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "apiVersion: v1\n");
}

#[test]
fn a_killed_process_leaves_a_file_that_the_next_one_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    for _ in 0..2 {
        let mut process = start_with(&path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "ready"));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(path.exists());
    }
}

fn start_with(kubeconfig: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-cluster"));
    command.arg("--kubeconfig").arg(kubeconfig);
    command
}
