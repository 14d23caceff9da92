//! Nothing is left running, however a run ends.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest that anything may take; machines are shared and slow at times.
const PATIENCE: Duration = Duration::from_mins(2);

const PROGRAM: &str = env!("CARGO_BIN_EXE_with-control-plane");

/// A control plane, and the command that runs beside it.
struct Running {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    folder: PathBuf,
}

impl Running {
    /// Starts with a shell that says where it is, and then does this.
    fn start(mut starter: Command, then: &str) -> Self {
        let script = format!("echo $LANDFALL_CONTROL_PLANE; {then}");
        let mut child = starter
            .args([PROGRAM, "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let folder = Path::new(line.trim()).parent().unwrap().to_owned();
        Self {
            child,
            output,
            folder,
        }
    }

    /// The ids of the programs of the control plane: they work in its folder.
    fn parts(&self) -> Vec<u32> {
        let processes = std::fs::read_dir("/proc").unwrap();
        let ids = processes.filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok());
        ids.filter(|id: &u32| {
            std::fs::read_link(format!("/proc/{id}/cwd"))
                .is_ok_and(|folder| folder.starts_with(&self.folder))
        })
        .collect()
    }

    /// The next line that the command prints.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn ended(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        let start = Instant::now();
        while !self.parts().is_empty() {
            assert!(start.elapsed() < PATIENCE, "{:?} go on", self.parts());
            std::thread::sleep(Duration::from_millis(20));
        }
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already unless the test fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What runs a program as it is.
fn plainly() -> Command {
    Command::new("env")
}

fn kill(signal: &str, id: u32) {
    let id = id.to_string();
    let sent = Command::new("kill").args([signal, &id]).status().unwrap();
    assert!(sent.success());
}

#[test]
#[ignore = "needs the programs of a control plane"]
fn the_command_s_status_is_ours_and_nothing_stays() {
    let mut running = Running::start(plainly(), "read -r _; exit 7");
    assert_eq!(running.ended().code(), Some(7));
    assert!(!running.folder.exists());
}

#[test]
#[ignore = "needs the programs of a control plane"]
fn killed_it_leaves_no_process() {
    let mut running = Running::start(plainly(), "exec sleep 600");
    assert_eq!(running.parts().len(), 3);
    kill("-KILL", running.child.id());
    assert!(running.ended().code().is_none());
    // Nobody else could.
    std::fs::remove_dir_all(&running.folder).unwrap();
}

#[test]
#[ignore = "needs the programs of a control plane"]
fn told_to_end_it_ends_its_command_first() {
    let mut running = Running::start(
        plainly(),
        "trap 'echo told; exit 3' TERM; while :; do sleep 0.1; done",
    );
    kill("-TERM", running.child.id());
    assert_eq!(running.line(), "told");
    assert_eq!(running.ended().code(), Some(3));
    assert!(!running.folder.exists());
}

#[test]
#[ignore = "needs the programs of a control plane"]
fn it_ends_with_its_parent() {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#""$@"; :"#, "sh"]);
    let mut running = Running::start(shell, "exec sleep 600");
    assert_eq!(running.parts().len(), 3);
    kill("-KILL", running.child.id());
    running.ended();
}

#[test]
fn without_programs_it_says_what_is_missing() {
    let empty = tempfile::tempdir().unwrap();
    let mut command = Command::new(PROGRAM);
    let ended = command
        .arg("true")
        .env("KUBEBUILDER_ASSETS", empty.path())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("there is no etcd in "), "{said}");
}
