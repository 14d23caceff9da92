//! Cluster IPs and node ports in use, and the lease of some of them for the time of one write.
//! Next-fit: a number that has just come free is the last to be given again, and a burst of
//! creations costs one step each.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::{
    has_cluster_ip, has_node_ports, is_headless, ports, wants_health_check_port, wants_node_ports,
};
use crate::answer::{ApiError, FieldError};

/// First and last node port (`--service-node-port-range`).
const NODE_PORTS: (u16, u16) = (30000, 32767);
/// Ports below this are left to those who ask for one, while there are others (KEP-3668).
const FIRST_DYNAMIC_NODE_PORT: u16 = 30086;
/// How many cluster IPs of each family there are: `10.96.0.0/16` and `fd00:10:96::/112`, without the
/// first and the last.
const ADDRESSES: u32 = 65_534;
/// Offsets below this are left to those who ask for one (KEP-3070).
const FIRST_DYNAMIC_ADDRESS: u32 = 257;

/// What is in use.
#[derive(Debug)]
pub(crate) struct Allocations {
    node_ports: HashSet<u16>,
    addresses: HashSet<IpAddr>,
    next_node_port: u16,
    next_address: [u32; 2],
}

impl Default for Allocations {
    fn default() -> Self {
        Self {
            node_ports: HashSet::new(),
            addresses: HashSet::new(),
            next_node_port: FIRST_DYNAMIC_NODE_PORT,
            next_address: [FIRST_DYNAMIC_ADDRESS; 2],
        }
    }
}

/// Why a Service cannot have what it needs.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Its fields ask for the impossible: 422.
    Invalid(Vec<FieldError>),
    /// The range is used up: 500, as the real server answers.
    Exhausted(ApiError),
}

impl Allocations {
    /// Frees everything that a Service holds.
    pub(crate) fn release_all(&mut self, service: &Value) {
        for port in held_ports(service) {
            self.node_ports.remove(&port);
        }
        for address in held_addresses(service) {
            self.addresses.remove(&address);
        }
    }

    fn next_port(&mut self) -> Option<u16> {
        let (first, last) = NODE_PORTS;
        let dynamic = last - FIRST_DYNAMIC_NODE_PORT + 1;
        for _ in 0..dynamic {
            let port = self.next_node_port;
            self.next_node_port = if port == last {
                FIRST_DYNAMIC_NODE_PORT
            } else {
                port + 1
            };
            if self.node_ports.insert(port) {
                return Some(port);
            }
        }
        (first..FIRST_DYNAMIC_NODE_PORT).find(|port| self.node_ports.insert(*port))
    }

    fn next_address(&mut self, ipv6: bool) -> Option<IpAddr> {
        let cursor = usize::from(ipv6);
        for _ in 0..ADDRESSES {
            let offset = self.next_address[cursor];
            self.next_address[cursor] = if offset == ADDRESSES { 1 } else { offset + 1 };
            let address = address(ipv6, offset);
            if self.addresses.insert(address) {
                return Some(address);
            }
        }
        None
    }
}

fn address(ipv6: bool, offset: u32) -> IpAddr {
    if ipv6 {
        let base = u128::from(Ipv6Addr::new(0xfd00, 0x10, 0x96, 0, 0, 0, 0, 0));
        IpAddr::V6(Ipv6Addr::from(base + u128::from(offset)))
    } else {
        let base = u32::from(Ipv4Addr::new(10, 96, 0, 0));
        IpAddr::V4(Ipv4Addr::from(base + offset))
    }
}

fn in_range(wanted: IpAddr) -> bool {
    match wanted {
        IpAddr::V4(wanted) => wanted.octets()[..2] == [10, 96],
        IpAddr::V6(wanted) => wanted.segments()[..7] == [0xfd00, 0x10, 0x96, 0, 0, 0, 0],
    }
}

fn held_ports(service: &Value) -> Vec<u16> {
    let number = |value: &Value| value.as_u64().and_then(|port| u16::try_from(port).ok());
    let mut held: Vec<u16> = ports(service)
        .iter()
        .filter_map(|port| number(&port["nodePort"]))
        .chain(number(&service["spec"]["healthCheckNodePort"]))
        .filter(|port| *port != 0)
        .collect();
    held.sort_unstable();
    held.dedup();
    held
}

fn held_addresses(service: &Value) -> Vec<IpAddr> {
    service["spec"]["clusterIPs"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|address| address.as_str()?.parse().ok())
        .collect()
}

/// What one write takes. Kept by `commit`, given back by `roll_back`.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    node_ports: Vec<u16>,
    addresses: Vec<IpAddr>,
}

impl Lease {
    /// Takes what `service` needs beyond what `old` holds, and writes it into its fields.
    /// On refusal nothing stays taken.
    pub(crate) fn take(
        allocations: &mut Allocations,
        service: &mut Value,
        old: Option<&Value>,
    ) -> Result<Self, Refusal> {
        let mut lease = Self::default();
        let result = lease
            .take_addresses(allocations, service, old)
            .and_then(|()| lease.take_ports(allocations, service, old));
        match result {
            Ok(()) => Ok(lease),
            Err(refusal) => {
                lease.roll_back(allocations);
                Err(refusal)
            }
        }
    }

    /// Gives everything back.
    pub(crate) fn roll_back(self, allocations: &mut Allocations) {
        for port in &self.node_ports {
            allocations.node_ports.remove(port);
        }
        for address in &self.addresses {
            allocations.addresses.remove(address);
        }
    }

    /// The write is done: what the old version held and the new one does not is free.
    pub(crate) fn commit(allocations: &mut Allocations, new: &Value, old: &Value) {
        let (ports, addresses) = (held_ports(new), held_addresses(new));
        for port in held_ports(old) {
            if !ports.contains(&port) {
                allocations.node_ports.remove(&port);
            }
        }
        for address in held_addresses(old) {
            if !addresses.contains(&address) {
                allocations.addresses.remove(&address);
            }
        }
    }

    fn take_addresses(
        &mut self,
        allocations: &mut Allocations,
        service: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), Refusal> {
        if !has_cluster_ip(service) || is_headless(service) {
            return Ok(());
        }
        let held = old.map(held_addresses).unwrap_or_default();
        let families: Vec<bool> = service["spec"]["ipFamilies"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|family| family == "IPv6")
            .collect();
        let mut assigned: Vec<Value> = service["spec"]["clusterIPs"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for (index, ipv6) in families.into_iter().enumerate() {
            let asked = assigned.get(index).and_then(Value::as_str).unwrap_or("");
            if asked.is_empty() {
                let address = allocations.next_address(ipv6).ok_or_else(|| {
                    Refusal::Exhausted(ApiError::internal(
                        "failed to allocate a serviceIP: range is full",
                    ))
                })?;
                self.addresses.push(address);
                assigned.truncate(index);
                assigned.push(json!(address.to_string()));
            } else if let Ok(address) = asked.parse::<IpAddr>()
                && !held.contains(&address)
            {
                self.take_address(allocations, address, &assigned)?;
            }
        }
        if let Some(first) = assigned.first() {
            service["spec"]["clusterIP"] = first.clone();
            service["spec"]["clusterIPs"] = Value::Array(assigned);
        }
        Ok(())
    }

    fn take_address(
        &mut self,
        allocations: &mut Allocations,
        address: IpAddr,
        assigned: &[Value],
    ) -> Result<(), Refusal> {
        let why = if !in_range(address) {
            let range = match address {
                IpAddr::V4(_) => "10.96.0.0/16",
                IpAddr::V6(_) => "fd00:10:96::/112",
            };
            format!(
                "the provided network does not match the current range: {address} is not in {range}"
            )
        } else if allocations.addresses.insert(address) {
            self.addresses.push(address);
            return Ok(());
        } else {
            "provided IP is already allocated".to_owned()
        };
        Err(Refusal::Invalid(vec![FieldError::invalid(
            "spec.clusterIPs",
            assigned.to_vec(),
            format!("failed to allocate IP {address}: {why}"),
        )]))
    }

    fn take_ports(
        &mut self,
        allocations: &mut Allocations,
        service: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), Refusal> {
        let held = old.map(held_ports).unwrap_or_default();
        if has_node_ports(service) {
            let automatic = wants_node_ports(service);
            let mut by_number: Vec<(u64, String, u16)> = Vec::new();
            for index in 0..ports(service).len() {
                let port = &service["spec"]["ports"][index];
                let number = port["port"].as_u64().unwrap_or_default();
                let protocol = port["protocol"].as_str().unwrap_or("TCP").to_owned();
                let asked = port["nodePort"].as_i64().unwrap_or_default();
                let given = if asked != 0 {
                    let field = format!("spec.ports[{index}].nodePort");
                    self.take_port(allocations, asked, &field, &held)?
                } else if automatic {
                    // One Service port number gets one node port for all its protocols.
                    let shared = by_number
                        .iter()
                        .find(|(other, with, _)| *other == number && *with != protocol)
                        .map(|(_, _, shared)| *shared);
                    match shared {
                        Some(shared) => shared,
                        None => self.next_port(allocations)?,
                    }
                } else {
                    continue;
                };
                by_number.push((number, protocol, given));
                service["spec"]["ports"][index]["nodePort"] = json!(given);
            }
        }
        if wants_health_check_port(service) {
            let asked = service["spec"]["healthCheckNodePort"]
                .as_i64()
                .unwrap_or_default();
            let given = if asked == 0 {
                self.next_port(allocations)?
            } else {
                self.take_port(allocations, asked, "spec.healthCheckNodePort", &held)?
            };
            service["spec"]["healthCheckNodePort"] = json!(given);
        }
        Ok(())
    }

    fn next_port(&mut self, allocations: &mut Allocations) -> Result<u16, Refusal> {
        let port = allocations.next_port().ok_or_else(|| {
            Refusal::Exhausted(ApiError::internal(
                "failed to allocate a nodePort: range is full",
            ))
        })?;
        self.node_ports.push(port);
        Ok(port)
    }

    fn take_port(
        &mut self,
        allocations: &mut Allocations,
        asked: i64,
        field: &str,
        held: &[u16],
    ) -> Result<u16, Refusal> {
        let (first, last) = NODE_PORTS;
        let port = u16::try_from(asked)
            .ok()
            .filter(|port| (first..=last).contains(port))
            .ok_or_else(|| {
                Refusal::Invalid(vec![FieldError::invalid(
                    field,
                    asked,
                    format!("provided port is not in the valid range. The range of valid ports is {first}-{last}"),
                )])
            })?;
        if held.contains(&port) || self.node_ports.contains(&port) {
            return Ok(port);
        }
        if allocations.node_ports.insert(port) {
            self.node_ports.push(port);
            return Ok(port);
        }
        Err(Refusal::Invalid(vec![FieldError::invalid(
            field,
            asked,
            "provided port is already allocated",
        )]))
    }
}
