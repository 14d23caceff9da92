//! kubectl, as people type it, and a sandbox for it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::{PATIENCE, Process, kubectl, output, program};

/// A kubectl, and the cluster that it speaks to.
pub struct Cli {
    pub kubectl: PathBuf,
    pub kubeconfig: PathBuf,
    pub namespace: String,
}

impl Cli {
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(&self.kubectl);
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .args(["--namespace", &self.namespace])
            .args(arguments.split(' '));
        command
    }

    /// Runs kubectl; it must succeed.
    pub fn run(&self, arguments: &str) -> String {
        let (succeeded, text) = output(&mut self.command(arguments));
        assert!(succeeded, "kubectl {arguments}: {text}");
        text
    }

    /// Applies what stands here. Returns whether that succeeded, and what was said.
    pub fn apply(&self, yaml: &str) -> (bool, String) {
        let mut command = self.command("apply -f -");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // What begins with a brace kubectl takes for JSON.
        let yaml = format!("---\n{yaml}");
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(yaml.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    /// Applies what stands here; it must succeed.
    pub fn make(&self, yaml: &str) {
        let (applied, said) = self.apply(yaml);
        assert!(applied, "{said}");
    }

    /// Asks over and over until this is said.
    pub fn until(&self, arguments: &str, expected: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = output(&mut self.command(arguments)).1;
            if said.contains(expected) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "kubectl {arguments} never says {expected}: {said}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn until_at(&self, service: &str, address: &str) {
        let path = "{.status.loadBalancer.ingress[0].ip}";
        let ask = format!("get service {service} -o jsonpath=[{path}]");
        self.until(&ask, &format!("[{address}]"));
    }

    /// Waits until a Service is told this reason.
    pub fn until_told(&self, service: &str, reason: &str) {
        let path = "{.status.conditions[?(@.type==\"landfall.dev/Provisioned\")].reason}";
        let ask = format!("get service {service} -o jsonpath=[{path}]");
        self.until(&ask, &format!("[{reason}]"));
    }

    pub fn expose(&self, name: &str, port: u16, annotations: &str) {
        let yaml = format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: {name}, annotations: \
             {{{annotations}}}}}, spec: {{type: LoadBalancer, allocateLoadBalancerNodePorts: false, \
             ports: [{{port: {port}}}]}}}}"
        );
        self.make(&yaml);
    }
}

/// A sandbox with the bare-metal provider and these flags, if there is a kubectl.
pub fn sandbox(flags: &[&str]) -> Option<(Process, Cli)> {
    let kubectl = kubectl()?;
    let mut command = Command::new(program("landfall"));
    let command = command.args(["sandbox", "--provider", "bare-metal"]);
    let mut sandbox = Process::start(command.args(flags));
    sandbox.wait_until_ready();
    let line = sandbox.wait_for("a kubeconfig", |line| line.contains("export KUBECONFIG="));
    let cli = Cli {
        kubectl,
        kubeconfig: PathBuf::from(line.split_once('=').unwrap().1),
        namespace: "default".into(),
    };
    Some((sandbox, cli))
}

/// Asks over and over until a pod of the Deployment `web` answers.
pub fn until_answered(host: &str, port: u16) {
    let url = format!("http://{host}:{port}/");
    let deadline = Instant::now() + PATIENCE;
    while !output(Command::new("curl").args(["-sgm", "5", &url]))
        .1
        .contains("pod: web-")
    {
        assert!(Instant::now() < deadline, "no pod answers at {url}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
