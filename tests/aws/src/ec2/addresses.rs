//! Elastic IP addresses.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::json;

use super::filters::Filters;
use super::listing::{chosen, new_tags, not_found, shown_tags, texts};
use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

/// An Elastic IP address.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Address {
    /// `eipalloc-…`
    pub allocation: String,
    /// The address.
    pub public_ip: Ipv4Addr,
    /// The interface that has it.
    pub interface: Option<String>,
    /// Its tags.
    pub tags: Map,
}

impl Address {
    fn association(&self) -> Option<String> {
        let interface = self.interface.as_ref()?;
        Some(interface.replacen("eni-", "eipassoc-", 1))
    }
}

const FILTERS: &[&str] = &[
    "allocation-id",
    "association-id",
    "domain",
    "network-interface-id",
    "public-ip",
];

pub(super) fn describe(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let filters = Filters::of(parameters, FILTERS)?;
    let ids = parameters.list("AllocationId");
    let public: BTreeSet<_> = parameters.list("PublicIp").into_iter().collect();
    let ec2 = &state.ec2;
    let known = |ip: &str| {
        ec2.addresses
            .values()
            .any(|it| it.public_ip.to_string() == ip)
    };
    if let Some(unknown) = public.iter().find(|it| !known(it)) {
        let text = format!("Address '{unknown}' not found.");
        return Err(Refusal::new("InvalidAddress.NotFound", text));
    }
    let code = "InvalidAllocationID.NotFound";
    let found = chosen(&ec2.addresses, &ids, code, "allocation ID")?.into_iter();
    let found = found.filter(|(id, it)| {
        (public.is_empty() || public.contains(&it.public_ip.to_string()))
            && filters.pass(&it.tags, |name| match name {
                "allocation-id" => vec![(*id).clone()],
                "association-id" => texts(it.association()),
                "network-interface-id" => texts(&it.interface),
                "public-ip" => vec![it.public_ip.to_string()],
                _ => vec!["vpc".to_owned()],
            })
    });
    let found: Vec<_> = found
        .map(|(_, it)| {
            let interface = it.interface.as_ref().and_then(|it| ec2.interfaces.get(it));
            json!({
                "allocationId": it.allocation, "publicIp": it.public_ip, "domain": "vpc",
                "associationId": it.association(), "networkInterfaceId": it.interface,
                "privateIpAddress": interface.and_then(|it| it.addresses.first()),
                "tagSet": shown_tags(&it.tags),
            })
        })
        .collect();
    Ok(json!({"addressesSet": found}))
}

pub(super) fn allocate(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    if parameters.get("Domain").is_some_and(|it| it != "vpc") {
        return Err(Refusal::value("Domain must be vpc"));
    }
    let tags = new_tags(parameters, "elastic-ip")?;
    if state.ec2.addresses.len() >= state.options.quotas.elastic_ips {
        let text = "The maximum number of addresses has been reached.";
        return Err(Refusal::new("AddressLimitExceeded", text));
    }
    let address = state.new_address(tags, now);
    Ok(json!({
        "allocationId": address.allocation, "publicIp": address.public_ip, "domain": "vpc",
        "networkBorderGroup": state.options.region,
    }))
}

impl State {
    /// Adds an Elastic IP address, whatever the quota says.
    pub(crate) fn new_address(&mut self, tags: Map, now: Duration) -> Address {
        let taken: BTreeSet<_> = self.ec2.addresses.values().map(|it| it.public_ip).collect();
        let first = Ipv4Addr::new(203, 0, 113, 1).to_bits();
        let mut all = (first..).map(Ipv4Addr::from_bits);
        let address = Address {
            allocation: self.identifiers.ec2("eipalloc"),
            public_ip: all
                .find(|it| !taken.contains(it))
                .expect("there are more addresses than allocations"),
            interface: None,
            tags: tags.clone(),
        };
        let id = address.allocation.clone();
        self.note_ec2(&format!("elastic-ip/{id}"), Some(tags), now);
        self.ec2.addresses.insert(id, address.clone());
        address
    }
}

pub(super) fn release(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let id = parameters.ec2_need("AllocationId")?;
    let Some(address) = state.ec2.addresses.get(id) else {
        return Err(not_found(
            "InvalidAllocationID.NotFound",
            "allocation ID",
            &[id],
        ));
    };
    if address.interface.is_some() {
        let text = format!("Address {} is in use.", address.public_ip);
        return Err(Refusal::new("InvalidIPAddress.InUse", text));
    }
    state.ec2.addresses.remove(id);
    state.note_ec2(&format!("elastic-ip/{id}"), None, now);
    Ok(json!({"return": true}))
}
