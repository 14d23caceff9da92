//! tcpdump, as a witness of what reaches a client.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use landfall_test_process::skip;

use crate::world::{World, eventually};

/// tcpdump at the client. It is ended when this is dropped.
pub struct Witness {
    child: Child,
    path: std::path::PathBuf,
}

/// What it has seen: when, in seconds, and what it says of it, in one line.
#[derive(Debug, Clone)]
pub struct Seen {
    pub at: f64,
    pub text: String,
}

impl Witness {
    /// Watches what passes a filter. `None`, and it is told, if there is no tcpdump.
    pub async fn start(world: &World, filter: &str) -> Option<Self> {
        if Command::new("tcpdump").arg("--version").output().is_err() {
            skip("what tcpdump sees of speakers: it is not installed");
            return None;
        }
        let path = world.folder.path().join("seen");
        let said = world.folder.path().join("tcpdump");
        let mut command = world.lan.command("client", "tcpdump");
        command.args(["-i", "eth0", "-n", "-e", "-v", "-l", "-tt"]);
        let child = command
            .args(["--immediate-mode", filter])
            .stdin(Stdio::null())
            .stdout(File::create(&path).unwrap())
            .stderr(File::create(&said).unwrap())
            .spawn()
            .unwrap();
        eventually("tcpdump listens", async || {
            let said = std::fs::read_to_string(&said).unwrap();
            said.contains("listening on")
        })
        .await;
        Some(Self { child, path })
    }

    /// The frames of a host that have all of these words in them.
    pub fn seen(&self, mac: &str, words: &[&str]) -> Vec<Seen> {
        let text = std::fs::read_to_string(&self.path).unwrap();
        // What belongs to the line before is indented.
        let lines = text.replace("\n\t", " ").replace("\n ", " ");
        let mut frames = Vec::new();
        for line in lines.lines() {
            let (at, text) = line.split_once(' ').unwrap();
            let is_it = text.starts_with(mac) && words.iter().all(|it| text.contains(it));
            // The last line may be under way.
            if let (true, Ok(at)) = (is_it, at.parse()) {
                let text = text.to_owned();
                frames.push(Seen { at, text });
            }
        }
        frames
    }

    /// Waits until a host has sent so many of them.
    pub async fn until(&self, mac: &str, words: &[&str], count: usize) -> Vec<Seen> {
        eventually(&format!("{mac} has sent {words:?}"), async || {
            self.seen(mac, words).len() >= count
        })
        .await;
        self.seen(mac, words)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
