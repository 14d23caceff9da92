//! The walks of the documents, typed as they stand there: the README's, as root and as an unprivileged
//! user, and the one with a real cluster.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use crate::cluster::Cluster;
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

/// The lines of a page's walk, without their comments.
fn lines(page: &str) -> Vec<String> {
    let lines = crate::process::walk(page).into_iter();
    lines.map(|(line, _)| line).collect()
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
    let typed = lines(include_str!("../../README.md"));
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

/// What is typed with a real cluster, and what a user then sees.
#[tokio::test]
#[ignore = "needs a real control plane: pods that answer, on nodes of their own"]
async fn the_walk_with_a_cluster_of_ones_own() {
    let Some(kubectl) = kubectl() else { return };
    let cluster = Cluster::start()
        .await
        .expect("started by with-control-plane");
    let folder = cluster.folder.path();
    let programs = program("landfall").parent().unwrap().display().to_string();
    let type_in = |line: &str| {
        let kubeconfig = cluster.kubeconfig.to_str().unwrap();
        let mut command = shell(None, &kubectl, kubeconfig, line);
        let path = std::env::var("PATH").unwrap();
        command
            .env("PATH", format!("{programs}:{path}"))
            .current_dir(folder);
        command
    };
    let (mut running, mut shown, mut address) = (Vec::new(), String::new(), String::new());
    for line in lines(include_str!("../../docs/controller.md")) {
        if let Some(line) = line.strip_suffix('&') {
            // Ours alone, whatever else this machine serves.
            let line = line.replace("127.0.0.1:9090", "127.0.0.1:0");
            let pool = format!("127.195.{}.0/24", std::process::id() % 256);
            let line = line.replace("127.200.0.0/16", &pool);
            let mut process = Process::start(&mut type_in(&format!("exec {line}")));
            process.wait_until_ready();
            if line.starts_with("mock-cloud") {
                let api = process.listens("api").to_string();
                let config = include_str!("../../examples/landfall.yaml");
                let config = config.replace("127.0.0.1:9090", &api);
                std::fs::write(folder.join("landfall.yaml"), config).unwrap();
            }
            running.push(process);
            continue;
        }
        let line = line.replace("EXTERNAL-IP", &address);
        let start = Instant::now();
        let said = loop {
            let (succeeded, said) = output(&mut type_in(&line));
            // Pods take a moment.
            if succeeded && (!line.starts_with("curl ") || said.contains("pod: hello-")) {
                break said;
            }
            assert!(line.starts_with("curl "), "{line}: {said}");
            assert!(start.elapsed() < PATIENCE, "{line}: {said}");
        };
        if line == "kubectl get service hello" {
            let mut columns = said.lines().last().unwrap().split_whitespace();
            columns.nth(3).unwrap().clone_into(&mut address);
        }
        shown += &said;
    }
    for expected in [
        "condition met",
        "finalizers:\n  - service.kubernetes.io/load-balancer-cleanup",
        "type: landfall.dev/Provisioned",
        &format!("LoadBalancer Ingress:     {address} (Proxy)"),
        "EnsuredLoadBalancer",
        &format!("traffic lands at {address}"),
        "\"hello\" deleted",
    ] {
        assert!(shown.contains(expected), "no {expected:?} in {shown}");
    }
    // First the controller, which speaks to the cloud.
    while let Some(mut process) = running.pop() {
        process.signal("INT");
        let ended = process.ended();
        assert_eq!(ended.status.code(), Some(0), "{}", ended.errors);
    }
}
