//! FRR: zebra, bgpd and bfdd.

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

/// Where Debian has the programs; they are on no path.
const PROGRAMS: &str = "/usr/lib/frr";

/// A router of FRR's. bgpd passes routes on to zebra 50 ms after they came in.
#[derive(Debug)]
pub struct Frr {
    config: RouterConfig,
    daemons: Daemons,
}

impl Frr {
    /// Whether one can run here; if not, that is told where the runner of all tests repeats it.
    pub fn is_possible_or_skip(what: &str) -> bool {
        is_possible_or_skip(what) && is_there_or_skip(what, &format!("{PROGRAMS}/bgpd"))
    }

    /// Starts one on a host, and waits until it has its configuration.
    pub fn start(lan: &Lan, host: &str, config: &RouterConfig) -> Self {
        let daemons = Daemons::new(lan, host);
        // The programs give their rights up for those of this user.
        let mut command = Command::new("chown");
        ask(command.arg("frr:frr").arg(daemons.folder()));
        let mut router = Self {
            config: config.clone(),
            daemons,
        };
        router.run();
        router
    }

    fn run(&mut self) {
        let port = self.config.port.to_string();
        self.run_one("zebra", "zserv.api", &[]);
        self.run_one("bgpd", "bgpd.vty", &["--bgp_port", &port]);
        // Else all of this machine would have the same one.
        let control = self.daemons.folder().join("bfdd.sock");
        let control = control.to_str().unwrap().to_owned();
        self.run_one("bfdd", "bfdd.vty", &["--bfdctl", &control]);
        let lines = render::lines(&self.config);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        self.vtysh(&[&["configure terminal"], lines.as_slice()].concat());
    }

    fn run_one(&mut self, name: &'static str, socket: &str, more: &[&str]) {
        let folder = self.daemons.folder().to_str().unwrap().to_owned();
        let (pid, zebra) = (
            format!("{folder}/{name}.pid"),
            format!("{folder}/zserv.api"),
        );
        let socket = format!("{folder}/{socket}");
        // What was killed has left it.
        let _ = std::fs::remove_file(&socket);
        let arguments = [
            &["--vty_addr", "127.0.0.1", "--vty_port", "0"],
            &["--config_file", "/dev/null", "--pid_file", &pid],
            &["--socket", &zebra, "--vty_socket", &folder],
            &["--log", "stdout", "--log-level", "informational"],
            more,
        ];
        let program = format!("{PROGRAMS}/{name}");
        self.daemons.start(name, &program, &arguments.concat());
        self.daemons.until_listens(name, &socket);
    }

    /// Runs commands one after the other, from the top level on, and returns all that they say.
    pub fn vtysh(&self, commands: &[&str]) -> String {
        let mut command = Command::new("vtysh");
        command.arg("--vty_socket").arg(self.daemons.folder());
        command.args(commands.iter().flat_map(|it| ["-c", it]));
        ask(&mut command)
    }

    /// All BFD sessions.
    pub fn bfd_sessions(&self) -> Vec<BfdSession> {
        tables::bfd_sessions(&self.vtysh(&["show bfd peers json"]))
    }

    fn configure(&self, line: &str) {
        let process = format!("router bgp {}", self.config.asn);
        self.vtysh(&["configure terminal", &process, line]);
    }
}

impl Router for Frr {
    fn sessions(&self) -> Vec<Session> {
        answers::sessions(&self.vtysh(&["show bgp neighbors json"]))
    }

    fn routes(&self) -> BTreeMap<IpNet, Vec<Path>> {
        let families = ["show bgp ipv4 unicast json", "show bgp ipv6 unicast json"];
        let prefixes = tables::prefixes(&self.vtysh(&families));
        let paths = prefixes.into_iter().map(|it| (it, self.route(it)));
        // One may have gone meanwhile.
        paths.filter(|(_, paths)| !paths.is_empty()).collect()
    }

    fn route(&self, prefix: IpNet) -> Vec<Path> {
        let family = if prefix.addr().is_ipv4() {
            "ipv4"
        } else {
            "ipv6"
        };
        let command = format!("show bgp {family} unicast {prefix} json");
        tables::paths(prefix, &self.vtysh(&[&command]))
    }

    fn clear(&self, neighbour: &str) {
        self.vtysh(&[&format!("clear bgp {neighbour}")]);
    }

    fn disable(&self, neighbour: &str) {
        self.configure(&format!("neighbor {neighbour} shutdown"));
    }

    fn enable(&self, neighbour: &str) {
        self.configure(&format!("no neighbor {neighbour} shutdown"));
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
        ["zebra", "bgpd", "bfdd"]
            .map(|it| self.daemons.log(it))
            .concat()
    }
}
