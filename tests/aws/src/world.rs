//! A ready-made account to test in: a VPC with subnets in several zones, nodes, certificates,
//! prefix lists and Elastic IP addresses.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::{Ipv4Net, Ipv6Net};
use serde::Serialize;

use crate::Map;
use crate::ec2::{Instance, Interface, PrefixList, RouteTable, Rule, SecurityGroup, Subnet, Vpc};
use crate::state::State;

/// What the account shall have.
#[derive(Debug, Clone)]
pub struct World {
    /// The name of the cluster, in tags `kubernetes.io/cluster/NAME`.
    pub cluster: String,
    /// Availability Zones, 1 to 4, each with a public and a private subnet.
    pub zones: usize,
    /// Instances, spread over the private subnets.
    pub nodes: usize,
    /// More addresses on each node, for pods.
    pub pods_per_node: usize,
    /// Whether VPC, subnets and nodes have IPv6.
    pub ipv6: bool,
    /// Whether subnets have the tags `kubernetes.io/role/elb` and `kubernetes.io/role/internal-elb`.
    pub role_tags: bool,
    /// Certificates in ACM.
    pub certificates: usize,
    /// Prefix lists of IPv4, each with so many entries.
    pub prefix_lists: Vec<usize>,
    /// Elastic IP addresses that are allocated, whatever the quota says.
    pub elastic_ips: usize,
}

impl Default for World {
    fn default() -> Self {
        Self {
            cluster: "strict".to_owned(),
            zones: 3,
            nodes: 3,
            pods_per_node: 0,
            ipv6: true,
            role_tags: true,
            certificates: 2,
            prefix_lists: vec![10],
            elastic_ips: 3,
        }
    }
}

/// Identifiers of what a world has. Lists of subnets are in the order of the zones.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ids {
    /// The name of the cluster.
    pub cluster: String,
    /// `vpc-…`
    pub vpc: String,
    /// Names of the Availability Zones.
    pub zones: Vec<String>,
    /// Subnets that an internet gateway routes for.
    pub public_subnets: Vec<String>,
    /// Subnets behind a NAT gateway.
    pub private_subnets: Vec<String>,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The security group that all nodes have.
    pub node_security_group: String,
    /// ARNs of certificates.
    pub certificates: Vec<String>,
    /// `pl-…`
    pub prefix_lists: Vec<String>,
    /// Allocations, `eipalloc-…`
    pub elastic_ips: Vec<String>,
}

/// A node.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// `i-…`
    pub id: String,
    /// The name of its Availability Zone.
    pub zone: String,
    /// Its primary address.
    pub address: Ipv4Addr,
    /// Its IPv6 address.
    pub ipv6: Option<Ipv6Addr>,
    /// Its network interface.
    pub interface: String,
    /// Its other addresses, for pods.
    pub pods: Vec<Ipv4Addr>,
    /// What Kubernetes has as `spec.providerID`.
    pub provider_id: String,
}

impl State {
    /// Builds a world beside those that are there.
    pub(crate) fn build(&mut self, world: &World, now: Duration) -> Ids {
        let number = u8::try_from(self.ec2.vpcs.len()).expect("a test has few worlds");
        let vpc = self.identifiers.ec2("vpc");
        let block = Ipv4Net::new_assert(Ipv4Addr::new(10, number, 0, 0), 16);
        let ipv6 = Ipv6Net::new_assert(
            Ipv6Addr::new(0x2600, 0x1f14, 0, u16::from(number) << 8, 0, 0, 0, 0),
            56,
        );
        let there = Vpc {
            id: vpc.clone(),
            blocks: vec![block],
            ipv6_blocks: world.ipv6.then_some(ipv6).into_iter().collect(),
            tags: Map::new(),
        };
        self.ec2.vpcs.insert(vpc.clone(), there);
        let mut ids = Ids {
            cluster: world.cluster.clone(),
            zones: vec![],
            public_subnets: vec![],
            private_subnets: vec![],
            nodes: vec![],
            node_security_group: self.group(&vpc, "nodes", owned(&world.cluster), now),
            certificates: vec![],
            prefix_lists: vec![],
            elastic_ips: vec![],
            vpc,
        };
        self.group(&ids.vpc, "default", Map::new(), now);
        self.subnets(world, &mut ids, (block, ipv6));
        for index in 0..world.nodes {
            let node = self.add_node(&ids, index % world.zones, world.pods_per_node);
            ids.nodes.push(node);
        }
        self.extras(world, &mut ids, now);
        ids
    }

    fn subnets(&mut self, world: &World, ids: &mut Ids, blocks: (Ipv4Net, Ipv6Net)) {
        assert!((1..=4).contains(&world.zones), "a world has 1 to 4 zones");
        let v4 = blocks.0.subnets(19).expect("19 is longer than 16");
        let v6 = blocks.1.subnets(64).expect("64 is longer than 56");
        for (index, (block, ipv6)) in v4.zip(v6).take(2 * world.zones).enumerate() {
            let letter = char::from(b"abcd"[index / 2]);
            let public = index % 2 == 0;
            let mut tags = owned(&world.cluster);
            if world.role_tags {
                let role = if public { "elb" } else { "internal-elb" };
                tags.insert(format!("kubernetes.io/role/{role}"), "1".to_owned());
            }
            let subnet = Subnet {
                id: self.identifiers.ec2("subnet"),
                vpc: ids.vpc.clone(),
                zone: format!("{}{letter}", self.options.region),
                zone_id: zone_id(&self.options.region, index / 2 + 1),
                block,
                ipv6_block: world.ipv6.then_some(ipv6),
                tags,
                taken: BTreeSet::new(),
                reserved: 0,
            };
            if public {
                ids.zones.push(subnet.zone.clone());
                ids.public_subnets.push(subnet.id.clone());
            } else {
                ids.private_subnets.push(subnet.id.clone());
            }
            self.ec2.subnets.insert(subnet.id.clone(), subnet);
        }
        let gateway = |prefix: &str, state: &mut Self| Some(state.identifiers.ec2(prefix));
        let (igw, nat) = (gateway("igw", self), gateway("nat", self));
        self.route_table(&ids.vpc, true, &[], None);
        self.route_table(&ids.vpc, false, &ids.public_subnets, igw);
        self.route_table(&ids.vpc, false, &ids.private_subnets, nat);
    }

    fn route_table(&mut self, vpc: &str, main: bool, subnets: &[String], gateway: Option<String>) {
        let table = RouteTable {
            id: self.identifiers.ec2("rtb"),
            vpc: vpc.to_owned(),
            main,
            subnets: subnets.iter().cloned().collect(),
            gateway,
            tags: Map::new(),
        };
        self.ec2.route_tables.insert(table.id.clone(), table);
    }

    fn group(&mut self, vpc: &str, name: &str, tags: Map, now: Duration) -> String {
        let rule = self.identifiers.ec2("sgr");
        let group = SecurityGroup {
            id: self.identifiers.ec2("sg"),
            name: name.to_owned(),
            description: format!("{name} of {vpc}"),
            vpc: vpc.to_owned(),
            rules: vec![Rule::all_out(rule)],
            tags: tags.clone(),
        };
        let id = group.id.clone();
        self.ec2.security_groups.insert(id.clone(), group);
        self.note_ec2(&format!("security-group/{id}"), Some(tags), now);
        id
    }

    /// Adds an instance to the private subnet of a zone.
    pub(crate) fn add_node(&mut self, ids: &Ids, zone: usize, pods: usize) -> Node {
        let interface = self.identifiers.ec2("eni");
        let id = self.identifiers.ec2("i");
        let subnet = self.ec2.subnets.get_mut(&ids.private_subnets[zone]);
        let subnet = subnet.expect("the subnets of a world stay");
        let mut take = || subnet.take().expect("8187 addresses are enough for a test");
        let address = take();
        let pods: Vec<_> = (0..pods).map(|_| take()).collect();
        let low = u128::from(address.to_bits());
        let ipv6 = subnet
            .ipv6_block
            .map(|it| Ipv6Addr::from_bits(it.network().to_bits() | low));
        let mut addresses: Vec<IpAddr> = vec![address.into()];
        addresses.extend(pods.iter().copied().map(IpAddr::from));
        addresses.extend(ipv6.map(IpAddr::from));
        let (subnet, zone) = (subnet.id.clone(), subnet.zone.clone());
        let held = Interface {
            id: interface.clone(),
            vpc: ids.vpc.clone(),
            subnet: subnet.clone(),
            zone: zone.clone(),
            addresses,
            groups: vec![ids.node_security_group.clone()],
            instance: Some(id.clone()),
            description: String::new(),
            allocation: None,
            tags: Map::new(),
        };
        self.ec2.interfaces.insert(interface.clone(), held);
        let instance = Instance {
            id: id.clone(),
            kind: "m6i.large".to_owned(),
            state: "running".to_owned(),
            vpc: ids.vpc.clone(),
            subnet,
            zone: zone.clone(),
            interfaces: vec![interface.clone()],
            tags: owned(&ids.cluster),
        };
        self.ec2.instances.insert(id.clone(), instance);
        Node {
            provider_id: format!("aws:///{zone}/{id}"),
            id,
            zone,
            address,
            ipv6,
            interface,
            pods,
        }
    }

    fn extras(&mut self, world: &World, ids: &mut Ids, now: Duration) {
        for _ in 0..world.certificates {
            let (region, account) = (&self.options.region, &self.options.account);
            let arn = format!(
                "arn:aws:acm:{region}:{account}:certificate/{}",
                self.identifiers.hex16()
            );
            self.elb.certificates.insert(arn.clone());
            ids.certificates.push(arn);
        }
        for entries in &world.prefix_lists {
            let id = self.identifiers.ec2("pl");
            let list = PrefixList {
                id: id.clone(),
                name: format!("list-of-{entries}"),
                max_entries: *entries,
                ipv6: false,
                tags: Map::new(),
            };
            self.ec2.prefix_lists.insert(id.clone(), list);
            ids.prefix_lists.push(id);
        }
        for _ in 0..world.elastic_ips {
            let address = self.new_address(Map::new(), now);
            ids.elastic_ips.push(address.allocation);
        }
    }
}

fn owned(cluster: &str) -> Map {
    let key = format!("kubernetes.io/cluster/{cluster}");
    Map::from([(key, "owned".to_owned())])
}

/// `eu-central-1` and 1 give `euc1-az1`.
fn zone_id(region: &str, number: usize) -> String {
    let mut parts = region.split('-');
    let land = parts.next().unwrap_or_default();
    let side = parts.next().and_then(|it| it.chars().next());
    let last = parts.next().unwrap_or_default();
    format!("{land}{}{last}-az{number}", side.unwrap_or('x'))
}
