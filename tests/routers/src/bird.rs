//! BIRD 2.

mod answers;
mod render;
mod tables;

use std::collections::BTreeMap;
use std::process::Command;

use ipnet::IpNet;
use landfall_test_network::{Lan, is_possible_or_skip};

use crate::Router;
use crate::answers::{BfdSession, Path, Session};
use crate::config::RouterConfig;
use crate::daemons::{Daemons, ask, is_there_or_skip};
use answers::Protocol;

/// A router of BIRD's. What a test adds to its configuration may not change the formats of times.
#[derive(Debug)]
pub struct Bird {
    daemons: Daemons,
}

impl Bird {
    /// Whether one can run here; if not, that is told where the runner of all tests repeats it.
    pub fn is_possible_or_skip(what: &str) -> bool {
        is_possible_or_skip(what) && is_there_or_skip(what, "bird")
    }

    /// Starts one on a host, and waits until it answers.
    pub fn start(lan: &Lan, host: &str, config: &RouterConfig) -> Self {
        let daemons = Daemons::new(lan, host);
        std::fs::write(daemons.folder().join("bird.conf"), render::text(config)).unwrap();
        let mut router = Self { daemons };
        router.run();
        router
    }

    fn path(&self, name: &str) -> String {
        let path = self.daemons.folder().join(name);
        path.to_str().unwrap().to_owned()
    }

    fn run(&mut self) {
        let (socket, config) = (self.path("bird.ctl"), self.path("bird.conf"));
        // What was killed has left it.
        let _ = std::fs::remove_file(&socket);
        self.daemons
            .start("bird", "bird", &["-f", "-c", &config, "-s", &socket]);
        self.daemons.until_listens("bird", &socket);
    }

    /// Runs a command, which must succeed, and returns what it says.
    pub fn birdc(&self, command: &str) -> String {
        let mut birdc = Command::new("birdc");
        let said = ask(birdc.args(["-v", "-s", &self.path("bird.ctl"), command]));
        let read = answers::read(&said);
        read.unwrap_or_else(|error| panic!("birdc {command}: {error}"))
    }

    /// All BFD sessions.
    pub fn bfd_sessions(&self) -> Vec<BfdSession> {
        tables::bfd_sessions(&self.birdc("show bfd sessions"))
    }

    fn protocols(&self) -> Vec<Protocol> {
        answers::protocols(&self.birdc("show protocols all"), &self.log())
    }

    /// The name of the protocol that speaks with a neighbour.
    fn protocol(&self, neighbour: &str) -> String {
        let found = self.protocols().into_iter();
        let mut found = found.filter(|it| it.session.neighbour == neighbour);
        let found = found.next();
        found
            .unwrap_or_else(|| panic!("no neighbour {neighbour}"))
            .name
    }
}

impl Router for Bird {
    fn sessions(&self) -> Vec<Session> {
        self.protocols().into_iter().map(|it| it.session).collect()
    }

    fn routes(&self) -> BTreeMap<IpNet, Vec<Path>> {
        let protocols = self.protocols();
        tables::routes(&self.birdc("show route all"), &protocols)
    }

    fn clear(&self, neighbour: &str) {
        self.birdc(&format!("restart {}", self.protocol(neighbour)));
    }

    fn disable(&self, neighbour: &str) {
        self.birdc(&format!("disable {}", self.protocol(neighbour)));
    }

    fn enable(&self, neighbour: &str) {
        self.birdc(&format!("enable {}", self.protocol(neighbour)));
    }

    fn kill(&mut self) {
        self.daemons.kill();
    }

    fn stop(&mut self) {
        self.daemons.stop();
    }

    fn restart(&mut self) {
        self.run();
    }

    fn namespace(&self) -> &str {
        self.daemons.namespace()
    }

    fn log(&self) -> String {
        self.daemons.log("bird")
    }
}
