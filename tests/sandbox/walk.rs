//! The README's walk, typed as it stands there, as root and as an unprivileged user.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use crate::process::{PATIENCE, Process, kubectl, output, program};

/// User and group `nobody`, who may do nothing.
const NOBODY: &str = "65534";

pub fn is_root() -> bool {
    let (_, id) = output(Command::new("id").arg("-u"));
    id.trim() == "0"
}

/// Runs commands as a user without any right: as `nobody` if we are root, else as ourselves.
pub struct Nobody {
    /// Programs, where nobody may read them.
    folder: TempDir,
    is_root: bool,
}

impl Nobody {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        open_to_all(folder.path());
        Self {
            folder,
            is_root: is_root(),
        }
    }

    /// One of our programs.
    pub fn command(&self, name: &str) -> Command {
        let copy = self.bring(&program(name));
        self.run(&copy)
    }

    /// Copies a program to where nobody may run it.
    fn bring(&self, program: &Path) -> PathBuf {
        let copy = self.folder.path().join(program.file_name().unwrap());
        std::fs::copy(program, &copy).unwrap();
        open_to_all(&copy);
        copy
    }

    fn run(&self, program: &Path) -> Command {
        if !self.is_root {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
        command
            .args(["--inh-caps=-all", "--bounding-set=-all"])
            .arg(program);
        command.current_dir("/").env("HOME", "/nonexistent");
        command
    }
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The walk's lines, without their comments.
fn lines() -> Vec<String> {
    let readme = include_str!("../../README.md");
    let block = readme
        .split_once("```sh walk\n")
        .unwrap()
        .1
        .split_once("```")
        .unwrap()
        .0;
    let lines = block
        .lines()
        .map(|line| line.split(" #").next().unwrap().trim().to_owned());
    lines.collect()
}

/// Types one line into a shell, `kubectl` being this one.
fn shell(nobody: Option<&Nobody>, kubectl: &Path, kubeconfig: &str, line: &str) -> Command {
    let bash = Path::new("/bin/bash");
    let mut command = match nobody {
        Some(nobody) => nobody.run(bash),
        None => Command::new(bash),
    };
    let kubectl = kubectl.display();
    command
        .arg("-ec")
        .arg(format!("kubectl() {{ '{kubectl}' \"$@\"; }}\n{line}"));
    command.env("KUBECONFIG", kubeconfig);
    command
}

/// Types `kubectl get service hello -w` until the address appears.
fn watch_for_address(mut command: Command) -> String {
    let mut watch = command.stdout(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let address = loop {
        assert!(start.elapsed() < PATIENCE, "no address appears");
        let line = lines.next().expect("the watch goes on").unwrap();
        let address = line
            .split_whitespace()
            .nth(3)
            .unwrap_or_default()
            .to_owned();
        if address.parse::<std::net::IpAddr>().is_ok() {
            break address;
        }
    };
    watch.kill().unwrap();
    watch.wait().unwrap();
    address
}

fn walk(nobody: Option<&Nobody>) {
    let Some(kubectl) = kubectl() else { return };
    let (mut sandbox, kubectl) = match nobody {
        Some(nobody) => (nobody.command("landfall"), nobody.bring(&kubectl)),
        None => (Command::new(program("landfall")), kubectl),
    };
    let mut sandbox = Process::start(sandbox.arg("sandbox"));
    let export = sandbox.wait_for("a kubeconfig", |line| line.contains("export KUBECONFIG="));
    let kubeconfig = export.split_once('=').unwrap().1.to_owned();
    let mut address = String::new();
    let typed = lines();
    assert!(typed.len() >= 6, "{typed:?}");
    for line in typed {
        let command = |line: &str| shell(nobody, &kubectl, &kubeconfig, line);
        if line.starts_with("export KUBECONFIG=") {
            continue;
        }
        if line.ends_with(" -w") {
            // Without bash in between, so that the watch itself can be ended.
            address = watch_for_address(command(&format!(
                "exec '{}' {}",
                kubectl.display(),
                &line["kubectl ".len()..]
            )));
            continue;
        }
        if line.starts_with("curl ") {
            let line = line.replace("EXTERNAL-IP", &address);
            // Pods take a moment.
            let start = Instant::now();
            while !output(&mut command(&line)).1.contains("pod: hello-") {
                assert!(start.elapsed() < PATIENCE, "{line} gets no answer");
            }
            continue;
        }
        let (succeeded, text) = output(&mut command(&line));
        assert!(succeeded, "{line}: {text}");
    }
    assert!(!address.is_empty());
    sandbox.signal("INT");
    let ended = sandbox.ended();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    assert!(!Path::new(&kubeconfig).exists());
}

#[test]
fn the_walk_as_whoever_runs_the_tests() {
    walk(None);
}

#[test]
fn the_walk_as_nobody() {
    walk(Some(&Nobody::new()));
}
