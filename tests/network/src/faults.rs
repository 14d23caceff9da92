//! What can fail on a network.

use std::process::Command;

use crate::Lan;
use crate::run::feed;

impl Lan {
    /// Pulls a host's cable: the carrier is lost on both ends.
    pub fn cut(&self, host: &str) {
        self.ip("switch", &format!("link set {host} down"));
    }

    /// Plugs a host's cable in again.
    pub fn join(&self, host: &str) {
        self.ip("switch", &format!("link set {host} up"));
    }

    /// No frame passes from and to a host any more, and nobody is told.
    pub fn mute(&self, host: &str) {
        self.drop_at(host, "mute", "drop");
    }

    /// Undoes [`Self::mute`].
    pub fn unmute(&self, host: &str) {
        self.pass_at(host, "mute");
    }

    /// So many of a hundred frames from a host, and as many of those to it, are lost by chance; 0
    /// ends it.
    pub fn loss(&self, host: &str, percent: u8) {
        match percent {
            0 => self.pass_at(host, "loss"),
            1..100 => {
                let rule = format!("numgen random mod 100 < {percent} drop");
                self.drop_at(host, "loss", &rule);
            }
            _ => self.drop_at(host, "loss", "drop"),
        }
    }

    /// Parts the network in two: no frame passes between these hosts and the others. Carriers stay.
    pub fn part(&self, hosts: &[&str]) {
        let hosts = hosts.iter().map(|host| format!("\"{host}\""));
        let these = hosts.collect::<Vec<_>>().join(", ");
        self.nft(&format!(
            "{REPLACE_PART}
            table bridge part {{
              chain forward {{
              type filter hook forward priority 0;
              iifname {{ {these} }} oifname != {{ {these} }} drop
              iifname != {{ {these} }} oifname {{ {these} }} drop
              }}
            }}"
        ));
    }

    /// Undoes [`Self::part`].
    pub fn heal(&self) {
        self.nft(REPLACE_PART);
    }

    fn drop_at(&self, host: &str, why: &str, rule: &str) {
        let _known = self.number(host);
        self.nft(&format!(
            "table netdev {why}_{host} {{}}
            delete table netdev {why}_{host}
            table netdev {why}_{host} {{
              chain in {{ type filter hook ingress device \"{host}\" priority 0; {rule}; }}
              chain out {{ type filter hook egress device \"{host}\" priority 0; {rule}; }}
            }}"
        ));
    }

    fn pass_at(&self, host: &str, why: &str) {
        self.nft(&format!(
            "table netdev {why}_{host} {{}}\ndelete table netdev {why}_{host}"
        ));
    }

    /// In one transaction.
    fn nft(&self, rules: &str) {
        let mut command = Command::new("ip");
        let switch = self.namespace("switch");
        command.args(["netns", "exec", &switch, "nft", "-f", "-"]);
        feed(&mut command, rules);
    }
}

const REPLACE_PART: &str = "table bridge part {}\ndelete table bridge part";
