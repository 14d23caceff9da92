//! A node that announces addresses.

use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use landfall_test_network::Lan;
use landfall_test_process::PATIENCE;

/// The example `announce` on a node. It is ended when this is dropped.
pub(crate) struct Node {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Node {
    /// Announces addresses on an interface, by `probe` or `at-once`.
    pub(crate) fn start(
        lan: &Lan,
        host: &str,
        interface: &str,
        start: &str,
        addresses: &[IpAddr],
    ) -> Self {
        Self::start_by(lan.command(host, "env"), interface, start, addresses)
    }

    /// The same by a command that takes a program and its arguments.
    pub(crate) fn start_by(
        mut command: Command,
        interface: &str,
        start: &str,
        addresses: &[IpAddr],
    ) -> Self {
        let test = std::env::current_exe().unwrap();
        let folder = test.parent().and_then(Path::parent).unwrap();
        let mut child = command
            .arg(folder.join("examples/announce"))
            .args([interface, start])
            .args(addresses.iter().map(ToString::to_string))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let stdin = child.stdin.take().unwrap();
        Self {
            child,
            stdin,
            lines,
        }
    }

    /// Announces addresses on `eth0`, and waits until it does.
    pub(crate) fn announcing(lan: &Lan, host: &str, addresses: &[IpAddr]) -> Self {
        let node = Self::start(lan, host, "eth0", "probe", addresses);
        for _ in addresses {
            node.wait_for("announced ");
        }
        node
    }

    /// Waits for a line that begins with this, and passes over those before it.
    pub(crate) fn wait_for(&self, beginning: &str) -> String {
        let mut passed = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.starts_with(beginning) => return line,
                Ok(line) => passed.push(line),
                Err(error) => panic!("no {beginning}: {error}; it printed {passed:#?}"),
            }
        }
    }

    /// The lines so far, and none that came later.
    pub(crate) fn said(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    /// Holds it up (`STOP`), or lets it go on (`CONT`).
    pub(crate) fn signal(&self, name: &str) {
        let mut command = Command::new("kill");
        command.args([&format!("-{name}"), &self.id().to_string()]);
        assert!(command.status().unwrap().success());
    }

    /// How many questions it has answered so far.
    pub(crate) fn answered(&mut self) -> u64 {
        self.tell("counters all");
        let counters = self.wait_for("counters");
        let (_, count) = counters.split_once("answered: ").unwrap();
        count.split(',').next().unwrap().parse().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
