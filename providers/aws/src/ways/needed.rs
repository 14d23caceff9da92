//! What a load balancer without a security group needs to be let in. Pure.

use std::collections::BTreeSet;

use ipnet::IpNet;
use landfall_provider_api::Family;

use super::Way;
use crate::asked::{AskedPort, PRESERVE, TargetType};
use crate::calls::{Rule, RuleSource};

/// Where its traffic comes from, and where it goes.
#[derive(Debug)]
pub(crate) struct Needs {
    /// The nodes' security groups.
    pub(crate) groups: BTreeSet<String>,
    /// In which its targets are reached.
    pub(crate) family: Family,
    /// Who may connect.
    pub(crate) clients: Vec<IpNet>,
    /// Where it stands. Probes come from there, and whatever does not bear its client's address: it is let in
    /// everywhere, since clients by `PrivateLink` and of the other family never keep theirs.
    pub(crate) subnets: Vec<IpNet>,
    pub(crate) target_type: TargetType,
}

impl Needs {
    /// Rules of which none lets in what another one does.
    pub(crate) fn ways(&self, ports: &[(&AskedPort, BTreeSet<u16>)]) -> BTreeSet<Way> {
        let mut rules = BTreeSet::new();
        for (port, targets) in ports {
            let protocols = [
                ("tcp", port.group_protocol.has_tcp()),
                ("udp", port.group_protocol.has_udp()),
            ];
            for (protocol, _) in protocols.into_iter().filter(|(_, has)| *has) {
                rules.extend(self.rules(protocol, targets, &self.subnets));
                if self.preserves(port) {
                    rules.extend(self.rules(protocol, targets, &self.clients));
                }
            }
            // Probes are TCP, whatever the traffic.
            let probed = port.health.port.as_ref().and_then(|it| it.parse().ok());
            let probed = probed.map(|it| [it].into());
            let probed = probed.as_ref().filter(|_| !targets.is_empty());
            rules.extend(self.rules("tcp", probed.unwrap_or(targets), &self.subnets));
        }
        let is_least = |it: &&Rule| rules.iter().all(|other| other == *it || !admits(other, it));
        let least: Vec<_> = rules.iter().filter(is_least).collect();
        let groups = self.groups.iter();
        groups
            .flat_map(|group| least.iter().map(|it| (group.clone(), (*it).clone())))
            .collect()
    }

    /// Whether targets see who connects, so that rules must let clients in and not the load balancer.
    fn preserves(&self, port: &AskedPort) -> bool {
        let declared = port.group_attributes.get(PRESERVE);
        port.group_protocol.has_udp()
            || declared.map_or(self.target_type == TargetType::Instance, |it| it == "true")
    }

    fn rules(&self, protocol: &str, ports: &BTreeSet<u16>, from: &[IpNet]) -> Vec<Rule> {
        let is_of_family = |it: &&IpNet| match self.family {
            Family::IPv4 => matches!(it, IpNet::V4(_)),
            Family::IPv6 => matches!(it, IpNet::V6(_)),
        };
        let from = from.iter().filter(is_of_family);
        let rules = from.flat_map(|range| {
            ports.iter().map(|port| Rule {
                protocol: protocol.to_owned(),
                from: (*port).into(),
                to: (*port).into(),
                source: RuleSource::Cidr(range.trunc()),
                description: String::new(),
            })
        });
        rules.collect()
    }
}

/// Whether one rule lets in all that the other does.
pub(super) fn admits(one: &Rule, other: &Rule) -> bool {
    let (RuleSource::Cidr(from), RuleSource::Cidr(to)) = (&one.source, &other.source) else {
        return false;
    };
    let has_ports = one.protocol == other.protocol && one.from <= other.from && one.to >= other.to;
    from.contains(to) && (one.protocol == "-1" || has_ports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked::Asked;
    use crate::tests::asked;

    const TCP: &[(&str, &str)] = &[("disable-nlb-sg", "true")];

    fn needs(target_type: TargetType) -> Needs {
        let range = |it: &str| it.parse().unwrap();
        Needs {
            groups: ["sg-nodes".to_owned()].into(),
            family: Family::IPv4,
            clients: vec![range("0.0.0.0/0"), range("::/0")],
            subnets: vec![range("10.0.1.0/24"), range("fd00::/64")],
            target_type,
        }
    }

    fn of(asked: &Asked, needs: &Needs) -> Vec<String> {
        let ports = asked.ports.iter().map(|it| (it, [30_080].into()));
        let ways = needs.ways(&ports.collect::<Vec<_>>());
        let shown = ways.into_iter().map(|(group, rule)| {
            assert_eq!(group, "sg-nodes");
            let RuleSource::Cidr(range) = rule.source else {
                panic!("{rule:?}")
            };
            format!("{} {}-{} {range}", rule.protocol, rule.from, rule.to)
        });
        shown.collect()
    }

    #[test]
    fn who_is_let_in_depends_on_whether_targets_see_clients() {
        let with = |annotations: &[(&str, &str)], target_type| {
            let all: Vec<_> = TCP.iter().chain(annotations).copied().collect();
            of(&asked(&all), &needs(target_type))
        };
        let (instance, ip) = (TargetType::Instance, TargetType::Ip);
        let kept = ("target-group-attributes", "preserve_client_ip.enabled=true");
        let lost = (
            "target-group-attributes",
            "preserve_client_ip.enabled=false",
        );
        let probed = ("healthcheck-port", "10256");
        let everybody = "tcp 30080-30080 0.0.0.0/0";
        let subnets = "tcp 30080-30080 10.0.1.0/24";
        let probes = "tcp 10256-10256 10.0.1.0/24";
        assert_eq!(with(&[], instance), [everybody]);
        assert_eq!(with(&[lost], instance), [subnets]);
        assert_eq!(with(&[], ip), [subnets]);
        assert_eq!(with(&[kept], ip), [everybody]);
        assert_eq!(with(&[probed], instance), [probes, everybody]);
    }

    #[test]
    fn datagrams_keep_their_clients_and_probes_are_tcp_from_the_subnets() {
        let mut asked = asked(TCP);
        asked.ports[0].group_protocol = crate::asked::Transport::Udp;
        let ways = of(&asked, &needs(TargetType::Ip));
        assert_eq!(
            ways,
            ["tcp 30080-30080 10.0.1.0/24", "udp 30080-30080 0.0.0.0/0"]
        );
    }

    #[test]
    fn a_rule_of_others_counts_if_it_lets_in_all_that_is_needed() {
        let rule = |protocol: &str, ports: (i32, i32), range: &str| Rule {
            protocol: protocol.into(),
            from: ports.0,
            to: ports.1,
            source: RuleSource::Cidr(range.parse().unwrap()),
            description: String::new(),
        };
        let needed = rule("tcp", (80, 80), "10.0.1.0/24");
        assert!(admits(&rule("-1", (-1, -1), "10.0.0.0/16"), &needed));
        assert!(admits(&rule("tcp", (0, 65_535), "10.0.1.0/24"), &needed));
        assert!(!admits(&rule("udp", (0, 65_535), "10.0.1.0/24"), &needed));
        assert!(!admits(&rule("tcp", (81, 90), "10.0.0.0/16"), &needed));
        assert!(!admits(&rule("tcp", (80, 80), "10.0.1.0/25"), &needed));
    }
}
