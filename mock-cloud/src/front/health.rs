//! What checks and connections show about a target. Pure.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use landfall_mock_cloud_wire::{
    HealthCheck, HealthCheckProtocol, ListenerSpec, Protocol, Target, TargetHealth,
};

use crate::timing::Timing;

/// How the health of a target is found out, with all that tells one way from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Check {
    pub(super) probe: Probe,
    pub(super) interval: Duration,
    healthy_threshold: u32,
    unhealthy_threshold: u32,
}

/// What a check does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Probe {
    /// Nothing: the target is taken for healthy.
    Assume,
    /// It connects here.
    Connect(SocketAddr),
    /// It asks here for this path.
    Ask(SocketAddr, String),
}

impl Check {
    /// The check of a listener's target.
    pub(super) fn of(listener: &ListenerSpec, target: &Target, timing: &Timing) -> Self {
        let traffic = SocketAddr::new(target.address, target.port);
        let Some(check) = &listener.health_check else {
            let probe = match listener.protocol {
                Protocol::Tcp => Probe::Connect(traffic),
                Protocol::Udp => Probe::Assume,
            };
            return Self {
                probe,
                interval: timing.check_interval,
                healthy_threshold: 1,
                unhealthy_threshold: 1,
            };
        };
        let HealthCheck {
            protocol,
            path,
            port,
            interval,
            healthy_threshold,
            unhealthy_threshold,
        } = check;
        let place = SocketAddr::new(target.address, port.unwrap_or(target.port));
        Self {
            probe: match protocol {
                HealthCheckProtocol::Tcp => Probe::Connect(place),
                HealthCheckProtocol::Http => {
                    Probe::Ask(place, path.clone().unwrap_or_else(|| "/".to_owned()))
                }
            },
            interval: interval.map_or(timing.check_interval, |interval| interval.0),
            healthy_threshold: healthy_threshold.unwrap_or(1),
            unhealthy_threshold: unhealthy_threshold.unwrap_or(1),
        }
    }

    /// Whether connecting to this address shows what a check would.
    pub(super) fn is_connecting_to(&self, address: SocketAddr) -> bool {
        self.probe == Probe::Connect(address)
    }
}

/// What is known about a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Health {
    Initial,
    Healthy,
    Unhealthy(Arc<str>),
}

impl Health {
    pub(super) fn describe(&self) -> TargetHealth {
        match self {
            Self::Initial => TargetHealth::Initial,
            Self::Healthy => TargetHealth::Healthy,
            Self::Unhealthy(reason) => TargetHealth::Unhealthy {
                reason: reason.to_string(),
            },
        }
    }
}

/// Turns what checks show into health.
#[derive(Debug)]
pub(super) struct Judge {
    health: Health,
    /// Results in a row that speak against it.
    against: u32,
    healthy_threshold: u32,
    unhealthy_threshold: u32,
}

impl Judge {
    pub(super) fn new(check: &Check) -> Self {
        Self {
            health: match check.probe {
                Probe::Assume => Health::Healthy,
                Probe::Connect(_) | Probe::Ask(..) => Health::Initial,
            },
            against: 0,
            healthy_threshold: check.healthy_threshold,
            unhealthy_threshold: check.unhealthy_threshold,
        }
    }

    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// Takes a result into account; the first decides alone. Tells whether the health is another
    /// now.
    pub(super) fn note(&mut self, result: Result<(), String>) -> bool {
        let (found, threshold) = match (&self.health, result) {
            (Health::Healthy, Ok(())) => (Health::Healthy, 0),
            (Health::Healthy, Err(why)) => {
                (Health::Unhealthy(why.into()), self.unhealthy_threshold)
            }
            (Health::Unhealthy(_), Ok(())) => (Health::Healthy, self.healthy_threshold),
            (Health::Initial, Ok(())) => (Health::Healthy, 1),
            (Health::Initial | Health::Unhealthy(_), Err(why)) => {
                (Health::Unhealthy(why.into()), 0)
            }
        };
        let holds = threshold == 0 || self.against + 1 >= threshold;
        self.against = if holds { 0 } else { self.against + 1 };
        if holds && found != self.health {
            self.health = found;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_changes_after_so_many_results_in_a_row() {
        let check = Check {
            probe: Probe::Connect("127.0.0.1:1".parse().unwrap()),
            interval: Duration::from_secs(1),
            healthy_threshold: 2,
            unhealthy_threshold: 3,
        };
        for (results, expected) in [
            ("", '?'),
            ("+", '+'),
            ("-", '-'),
            ("+--", '+'),
            ("+---", '-'),
            ("+--+--", '+'),
            ("-+", '-'),
            ("-++", '+'),
            ("-+-+", '-'),
            ("+---++", '+'),
        ] {
            let mut judge = Judge::new(&check);
            for result in results.chars() {
                judge.note(if result == '+' {
                    Ok(())
                } else {
                    Err("refused".into())
                });
            }
            let found = match judge.health() {
                Health::Initial => '?',
                Health::Healthy => '+',
                Health::Unhealthy(_) => '-',
            };
            assert_eq!(found, expected, "{results}");
        }
    }

    #[test]
    fn a_spec_says_how_its_targets_are_checked() {
        let (timing, target) = (
            Timing::default(),
            Target {
                name: "n1".into(),
                address: "127.0.0.2".parse().unwrap(),
                port: 30080,
            },
        );
        let traffic = "127.0.0.2:30080".parse().unwrap();
        let other = "127.0.0.2:32000".parse().unwrap();
        let check = |protocol, path: Option<&str>, port| HealthCheck {
            protocol,
            path: path.map(str::to_owned),
            port,
            interval: None,
            healthy_threshold: None,
            unhealthy_threshold: None,
        };
        let http = HealthCheckProtocol::Http;
        for (protocol, health_check, expected) in [
            (Protocol::Tcp, None, Probe::Connect(traffic)),
            (Protocol::Udp, None, Probe::Assume),
            (
                Protocol::Udp,
                Some(check(HealthCheckProtocol::Tcp, None, Some(32000))),
                Probe::Connect(other),
            ),
            (
                Protocol::Tcp,
                Some(check(http, None, None)),
                Probe::Ask(traffic, "/".into()),
            ),
            (
                Protocol::Udp,
                Some(check(http, Some("/healthz"), Some(32000))),
                Probe::Ask(other, "/healthz".into()),
            ),
        ] {
            let listener = ListenerSpec {
                protocol,
                port: 80,
                idle_timeout: None,
                health_check,
                targets: Vec::new(),
            };
            assert_eq!(Check::of(&listener, &target, &timing).probe, expected);
        }
    }
}
