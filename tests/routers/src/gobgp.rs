//! GoBGP.

mod answers;
mod capability;
mod render;

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use ipnet::IpNet;
use landfall_test_network::{Lan, is_possible_or_skip};

use crate::Router;
use crate::answers::{Path, Session};
use crate::config::RouterConfig;
use crate::daemons::{Daemons, ask, is_there_or_skip};

/// A router of GoBGP's, which puts nothing into the kernel's table. For half a minute after a session
/// was ended, it neither calls that neighbour nor answers it, but for one of a range.
#[derive(Debug)]
pub struct GoBgp {
    config: RouterConfig,
    /// The next hop of what it originates of IPv6.
    address: Ipv6Addr,
    daemons: Daemons,
}

impl GoBgp {
    /// Whether one can run here; if not, that is told where the runner of all tests repeats it.
    pub fn is_possible_or_skip(what: &str) -> bool {
        is_possible_or_skip(what) && is_there_or_skip(what, "gobgpd")
    }

    /// Starts one on a host, and waits until it answers.
    pub fn start(lan: &Lan, host: &str, config: &RouterConfig) -> Self {
        let daemons = Daemons::new(lan, host);
        std::fs::write(daemons.folder().join("gobgpd.toml"), render::text(config)).unwrap();
        let mut router = Self {
            config: config.clone(),
            address: lan.addresses(host).1,
            daemons,
        };
        router.run();
        router
    }

    fn run(&mut self) {
        let config = self.daemons.folder().join("gobgpd.toml");
        let config = config.to_str().unwrap().to_owned();
        let arguments = ["-f", &config, "--api-hosts", "127.0.0.1:50051"];
        let arguments = [&arguments[..], &["--pprof-disable"]].concat();
        self.daemons.start("gobgpd", "gobgpd", &arguments);
        self.daemons.until("gobgpd answers", |daemons| {
            let mut command = daemons.command("gobgp");
            landfall_test_process::output(command.args(["global", "rib"])).0
        });
        for route in &self.config.originates {
            let words = render::route(route, self.address);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            self.gobgp(&[&["global", "rib", "add"], &words[..]].concat());
        }
    }

    /// Runs a command, which must succeed, and returns what it says.
    pub fn gobgp(&self, words: &[&str]) -> String {
        ask(self.daemons.command("gobgp").args(words))
    }
}

impl Router for GoBgp {
    fn sessions(&self) -> Vec<Session> {
        answers::sessions(&self.gobgp(&["-j", "neighbor"]), &self.log())
    }

    fn routes(&self) -> BTreeMap<IpNet, Vec<Path>> {
        let families = ["ipv4", "ipv6"].into_iter();
        let said = families.map(|it| self.gobgp(&["-j", "global", "rib", "-a", it]));
        said.flat_map(|it| answers::routes(&it)).collect()
    }

    fn clear(&self, neighbour: &str) {
        self.gobgp(&["neighbor", neighbour, "reset"]);
    }

    fn disable(&self, neighbour: &str) {
        self.gobgp(&["neighbor", neighbour, "disable"]);
    }

    fn enable(&self, neighbour: &str) {
        self.gobgp(&["neighbor", neighbour, "enable"]);
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
        self.daemons.log("gobgpd")
    }
}
