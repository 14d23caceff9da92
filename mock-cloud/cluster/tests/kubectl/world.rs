//! A running `mock-cluster`, and kubectl to talk to it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running `mock-cluster`.
pub(crate) struct World {
    process: Child,
    folder: TempDir,
    kubectl: PathBuf,
}

impl World {
    pub(crate) fn start() -> Option<Self> {
        let Some(kubectl) = find_kubectl() else {
            println!("SKIPPED kubectl tests: no kubectl 1.27 or newer; set LANDFALL_KUBECTL");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_mock-cluster"))
            .args(["--listen", "127.0.0.1:0", "--kubeconfig"])
            .arg(folder.path().join("kubeconfig"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines: Vec<String> = BufReader::new(process.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap)
            .take(2)
            .collect();
        assert!(
            lines[0].starts_with("listening kubernetes 127.0.0.1:"),
            "{lines:?}"
        );
        assert_eq!(lines[1], "ready");
        Some(Self {
            process,
            folder,
            kubectl,
        })
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.kubectl);
        command
            .args(split(line))
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.folder.path());
        command
    }

    pub(crate) fn output(&self, line: &str, input: &str) -> Output {
        let mut child = self
            .command(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }

    /// What kubectl prints when it succeeds.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) -> String {
        self.feed(line, "")
    }

    #[track_caller]
    pub(crate) fn feed(&self, line: &str, input: &str) -> String {
        let output = self.output(line, input);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {line}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What kubectl prints when it fails.
    #[track_caller]
    pub(crate) fn refuse(&self, line: &str, input: &str) -> String {
        let output = self.output(line, input);
        assert!(!output.status.success(), "kubectl {line} succeeded");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Runs it until its output holds a text.
    #[track_caller]
    pub(crate) fn until(&self, line: &str, wanted: &str) -> String {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let text = self.run(line);
            if text.contains(wanted) {
                return text;
            }
            assert!(
                Instant::now() < deadline,
                "kubectl {line} never showed {wanted}: {text}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Plays the node: all Pods run.
    pub(crate) fn run_pods(&self) {
        for (index, pod) in self.run("get pods -o name").lines().enumerate() {
            let status = format!(
                r#"{{"status":{{"phase":"Running","podIP":"127.0.0.{}","conditions":[{{"type":"Ready","status":"True"}}],"containerStatuses":[{{"name":"echo","ready":true,"restartCount":0,"image":"echo","imageID":""}}]}}}}"#,
                index + 2
            );
            let output = self
                .command(&format!("patch {pod} --subresource=status --type=merge -p"))
                .arg(status)
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }

    pub(crate) fn stop(mut self) {
        let begun = Instant::now();
        terminate(&self.process);
        assert!(self.process.wait().unwrap().success());
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert!(!self.kubeconfig().exists(), "the kubeconfig is removed");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn terminate(process: &Child) {
    let status = Command::new("kill")
        .arg(process.id().to_string())
        .status()
        .unwrap();
    assert!(status.success());
}

/// Words; what is between single quotes is one word.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn find_kubectl() -> Option<PathBuf> {
    let path = std::env::var_os("LANDFALL_KUBECTL").map_or_else(|| "kubectl".into(), PathBuf::from);
    let output = Command::new(&path)
        .args(["version", "--client", "-o", "json"])
        .output()
        .ok()?;
    let version: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let minor = version["clientVersion"]["minor"].as_str()?;
    let digits: String = minor.chars().take_while(char::is_ascii_digit).collect();
    (digits.parse::<u32>().ok()? >= 27).then_some(path)
}
