//! From what a Service asks for to what AWS is to have: names become ids, nodes become instances. What has to
//! be looked up for that comes from `surroundings`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;
use landfall_provider_api::{Error, Family, LoadBalancer};

use crate::account::Account;
use crate::asked::{self, Admitted, Asked, AskedPort, PREFIX, TargetType, everybody};
use crate::calls::{Calls, Priority, Rule, RuleSource, Scheme};
use crate::gates::{self, Opening};
use crate::seen::Seen;
use crate::subnets::{self, Discovery};
use crate::surroundings::{Known, Need};
use crate::targets::{self, Nodes};
use crate::wanted::{self, Groups, Subnets, Wanted, WantedPort};
use crate::ways::{Needs, Way};

/// What AWS is to have, and what there is to say of it.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) wanted: Wanted,
    /// Where load balancers must be let in.
    pub(crate) openings: BTreeSet<Opening>,
    /// What nodes must let in where the load balancer has no security group.
    pub(crate) ways: BTreeSet<Way>,
    /// Nodes that are left out, and why.
    pub(crate) left_out: Vec<String>,
    /// Annotations that are not supported.
    pub(crate) ignored: Vec<String>,
}

/// Looks up what is needed.
pub(crate) struct Builder<'a> {
    pub(crate) account: &'a Account,
    pub(crate) calls: &'a Calls,
    pub(crate) priority: Priority,
}

impl Builder<'_> {
    pub(crate) async fn build(
        &self,
        wanted: &LoadBalancer,
        asked: Asked,
        seen: &Seen,
    ) -> Result<Built, Error> {
        let subnets = self.subnets(&asked, seen).await?;
        let (opens_targets, has_ways) = match &asked.groups {
            asked::Groups::None { opens_targets } => (false, *opens_targets),
            asked::Groups::Own { opens_targets, .. } => (*opens_targets, false),
            asked::Groups::Managed(admitted) => (admitted.opens_targets, false),
        };
        let groups = self.groups(&asked, opens_targets).await?;
        let (mut nodes, instances) = self
            .nodes(wanted, &asked, opens_targets || has_ways)
            .await?;
        let ranges = self.ranges(wanted, &asked).await?;
        let (mut openings, mut ways) = (BTreeSet::new(), BTreeSet::new());
        if opens_targets {
            openings = openings_of(wanted, &asked, &nodes, &instances);
        } else if has_ways {
            let groups = groups_of_targets(wanted, &asked, &nodes, &instances);
            ways = self.ways(wanted, &asked, (seen, &subnets), groups).await?;
        }
        let left_out = match asked.target_type {
            TargetType::Instance => std::mem::take(&mut nodes.left_out),
            // Pods on such nodes are registered all the same.
            TargetType::Ip => Vec::new(),
        };
        let ports = asked.ports.iter();
        let ports = ports.map(|it| port(it, wanted, &asked, &nodes, &ranges));
        Ok(Built {
            openings,
            ways,
            left_out,
            ignored: asked.ignored.clone(),
            wanted: Wanted {
                id: wanted.id.clone(),
                tags: wanted::tags(wanted, &asked.tags),
                vpc: self.calls.vpc().to_owned(),
                name: asked.name.clone(),
                scheme: asked.scheme,
                address_type: asked.address_type.clone(),
                source_nat: asked.source_nat,
                subnets,
                groups,
                private_link_rules: asked.private_link_rules,
                attributes: asked.attributes.clone(),
                capacity: asked.capacity,
                ports: ports.collect(),
                awaited: wanted.awaited.clone(),
            },
        })
    }

    async fn subnets(&self, asked: &Asked, seen: &Seen) -> Result<Subnets, Error> {
        let Self {
            account,
            calls,
            priority,
        } = *self;
        let around = &account.surroundings;
        let field = format!("{PREFIX}subnets");
        let read = async |need| {
            let network = around.network(calls, priority, need).await;
            network.map_err(|refusal| refusal.into_error(&field))
        };
        if let Some(names) = &asked.subnets {
            let network = read(Need::Subnets).await?;
            if let Ok(subnets) = subnets::named(asked, names, &network.subnets) {
                return Ok(subnets);
            }
            // It may be new, or have been changed since.
            let network = read(Need::NewerSubnets).await?;
            return subnets::named(asked, names, &network.subnets);
        }
        let before = seen.balancers.iter().find_map(|it| it.it.scheme);
        let scheme = asked.scheme.or(before).unwrap_or(Scheme::Internal);
        let mut network = read(Need::Subnets).await?;
        for newer in [Need::NewerSubnets, Need::Routes] {
            let discovery = Discovery {
                all: &network.subnets,
                routes: network.routes.as_deref(),
                cluster_name: &account.cluster.name,
                scheme,
            };
            if !discovery.is_tagged() && network.routes.is_none() {
                network = read(Need::Routes).await?;
                continue;
            }
            if let Ok(subnets) = discovery.choose(asked) {
                return Ok(subnets);
            }
            network = read(newer).await?;
        }
        let discovery = Discovery {
            all: &network.subnets,
            routes: network.routes.as_deref(),
            cluster_name: &account.cluster.name,
            scheme,
        };
        discovery.choose(asked)
    }

    async fn groups(&self, asked: &Asked, opens_targets: bool) -> Result<Groups, Error> {
        let Self {
            account,
            calls,
            priority,
        } = *self;
        let mut beside = Vec::new();
        if opens_targets {
            let shared = account
                .gates
                .shared(calls, priority, &account.cluster)
                .await;
            let field = format!("{PREFIX}manage-backend-security-group-rules");
            beside.push(shared.map_err(|refusal| refusal.into_error(&field))?);
        }
        match &asked.groups {
            asked::Groups::None { .. } => Ok(Groups::None),
            asked::Groups::Managed(admitted) => Ok(Groups::Managed {
                rules: admit(admitted, &asked.ports),
                beside,
            }),
            asked::Groups::Own { names, .. } => {
                let field = format!("{PREFIX}security-groups");
                let found = account.surroundings.groups(calls, priority, names).await;
                let found = found.map_err(|refusal| refusal.into_error(&field))?;
                let mut groups = found.map_err(|name| Error::Invalid {
                    message: format!("there is no security group {name} in the VPC: name one by its id or its tag Name"),
                    field,
                })?;
                groups.extend(beside);
                Ok(Groups::Own(groups))
            }
        }
    }

    async fn nodes(
        &self,
        wanted: &LoadBalancer,
        asked: &Asked,
        needs_groups: bool,
    ) -> Result<(Nodes, BTreeMap<String, Known>), Error> {
        let mut nodes = targets::nodes(&wanted.nodes, &asked.node_labels);
        if asked.target_type == TargetType::Ip && !needs_groups {
            return Ok((nodes, BTreeMap::new()));
        }
        let ids: BTreeSet<_> = nodes.ids.values().cloned().collect();
        let around = &self.account.surroundings;
        let known = around.instances(self.calls, self.priority, &ids).await;
        let known = known.map_err(|refusal| refusal.into_error("spec.providerID of a Node"))?;
        nodes.check(&known, self.calls.vpc());
        Ok((nodes, known))
    }

    /// What nodes must let in. Where nobody says who may connect, an internal load balancer is for the VPC, as it
    /// is with the AWS controller.
    async fn ways(
        &self,
        wanted: &LoadBalancer,
        asked: &Asked,
        (seen, subnets): (&Seen, &Subnets),
        groups: BTreeSet<String>,
    ) -> Result<BTreeSet<Way>, Error> {
        let before = seen.balancers.iter().find_map(|it| it.it.scheme);
        let scheme = asked.scheme.or(before).unwrap_or(Scheme::Internal);
        let need = match scheme {
            Scheme::Internal => Need::Ranges,
            Scheme::InternetFacing => Need::Subnets,
        };
        let around = &self.account.surroundings;
        let network = around.network(self.calls, self.priority, need).await;
        let field = format!("{PREFIX}disable-nlb-sg");
        let network = network.map_err(|refusal| refusal.into_error(&field))?;
        let ranges = network.ranges.unwrap_or_default();
        let clients = match scheme {
            Scheme::Internal => ranges.to_vec(),
            Scheme::InternetFacing => vec![everybody(asked.family)],
        };
        let zones = seen.balancers.iter().flat_map(|it| &it.it.zones);
        let places = subnets.places.iter().map(|it| &it.mapping.subnet);
        let stands: BTreeSet<_> = zones.map(|it| &it.subnet).chain(places).collect();
        let subnets = network.subnets.iter();
        let subnets = subnets.filter(|it| stands.contains(&it.id));
        let subnets = subnets.flat_map(|it| it.ipv4.iter().chain(&it.ipv6).copied());
        let needs = Needs {
            groups,
            family: asked.family,
            clients,
            subnets: subnets.collect(),
            target_type: asked.target_type,
        };
        let ports = asked.ports.iter();
        let ports = ports.map(|it| (it, target_ports(it, wanted, asked)));
        Ok(needs.ways(&ports.collect::<Vec<_>>()))
    }

    /// Ranges of the VPC, where somebody may be outside of them.
    async fn ranges(&self, wanted: &LoadBalancer, asked: &Asked) -> Result<Arc<[IpNet]>, Error> {
        if asked.target_type == TargetType::Instance || wanted.endpoints.is_empty() {
            return Ok(Arc::default());
        }
        let around = &self.account.surroundings;
        let network = around
            .network(self.calls, self.priority, Need::Ranges)
            .await;
        let network = network.map_err(|refusal| refusal.into_error("spec.ports"))?;
        Ok(network.ranges.unwrap_or_default())
    }
}

/// Security groups of the nodes where targets are.
fn groups_of_targets(
    wanted: &LoadBalancer,
    asked: &Asked,
    nodes: &Nodes,
    instances: &BTreeMap<String, Known>,
) -> BTreeSet<String> {
    let group_of = |name: &str| match instances.get(nodes.ids.get(name)?)? {
        Known::Instance(instance) => gates::group_of(instance).cloned(),
        Known::Unknown => None,
    };
    match asked.target_type {
        TargetType::Instance => nodes.ids.keys().filter_map(|it| group_of(it)).collect(),
        TargetType::Ip => {
            let nodes = wanted.endpoints.iter().filter_map(|it| it.node.as_deref());
            nodes.filter_map(group_of).collect()
        }
    }
}

/// Where load balancers must be let in.
fn openings_of(
    wanted: &LoadBalancer,
    asked: &Asked,
    nodes: &Nodes,
    instances: &BTreeMap<String, Known>,
) -> BTreeSet<Opening> {
    let groups = groups_of_targets(wanted, asked, nodes, instances);
    let mut openings = BTreeSet::new();
    for (protocol, ports) in used_ports(wanted, asked) {
        openings.extend(groups.iter().map(|group| Opening {
            group: group.clone(),
            protocol,
            ports: gates::ports(ports.iter().copied()),
        }));
    }
    openings
}

/// Ports of the targets behind a port.
fn target_ports(port: &AskedPort, wanted: &LoadBalancer, asked: &Asked) -> BTreeSet<u16> {
    match asked.target_type {
        TargetType::Instance => port.node_port.into_iter().collect(),
        TargetType::Ip => {
            let pods = wanted.endpoints.iter();
            let pods = pods.filter(|it| targets::serves(port, wanted, it));
            pods.map(|it| it.port).collect()
        }
    }
}

/// Ports of targets that are used, by protocol. Probes are TCP, whatever the traffic.
fn used_ports(wanted: &LoadBalancer, asked: &Asked) -> BTreeMap<&'static str, BTreeSet<u16>> {
    let mut used = BTreeMap::<_, BTreeSet<u16>>::new();
    for port in &asked.ports {
        let ports = target_ports(port, wanted, asked);
        if port.group_protocol.has_udp() {
            used.entry("udp").or_default().extend(&ports);
        }
        let probed = port.health.port.as_ref().and_then(|it| it.parse().ok());
        let tcp = used.entry("tcp").or_default();
        tcp.extend(probed.or(ports.first().copied()).into_iter().chain(ports));
    }
    used
}

/// What tells clients how long a packet may be, where that is asked for.
fn icmp(admitted: &Admitted) -> impl Iterator<Item = Rule> + '_ {
    let ranges = admitted.ranges.iter().filter(|_| admitted.icmp);
    ranges.map(|range| {
        // Destination unreachable, fragmentation needed (RFC 1191); packet too big (RFC 4443).
        let (protocol, from, to) = match range {
            IpNet::V4(_) => ("icmp", 3, 4),
            IpNet::V6(_) => ("icmpv6", 2, 0),
        };
        Rule {
            protocol: protocol.to_owned(),
            from,
            to,
            source: RuleSource::Cidr(*range),
            description: String::new(),
        }
    })
}

/// One rule for each port, protocol and source.
fn admit(admitted: &Admitted, ports: &[AskedPort]) -> BTreeSet<Rule> {
    let ranges = admitted.ranges.iter().copied().map(RuleSource::Cidr);
    let lists = admitted
        .prefix_lists
        .iter()
        .cloned()
        .map(RuleSource::PrefixList);
    let sources: Vec<_> = ranges.chain(lists).collect();
    let mut rules: BTreeSet<_> = icmp(admitted).collect();
    for port in ports {
        let protocols = [
            ("tcp", port.protocol.has_tcp()),
            ("udp", port.protocol.has_udp()),
        ];
        for (protocol, _) in protocols.into_iter().filter(|(_, has)| *has) {
            rules.extend(sources.iter().map(|source| Rule {
                protocol: protocol.to_owned(),
                from: port.port.into(),
                to: port.port.into(),
                source: source.clone(),
                description: String::new(),
            }));
        }
    }
    rules
}

fn port(
    port: &AskedPort,
    wanted: &LoadBalancer,
    asked: &Asked,
    nodes: &Nodes,
    ranges: &[IpNet],
) -> WantedPort {
    let family: Family = asked.family;
    WantedPort {
        port: port.port,
        protocol: port.protocol,
        group_protocol: port.group_protocol,
        target_type: asked.target_type,
        family,
        health: port.health.clone(),
        group_attributes: port.group_attributes.clone(),
        attributes: port.attributes.clone(),
        tls: port.tls.clone(),
        targets: targets::of(port, wanted, asked.target_type, family, nodes, ranges),
    }
}
