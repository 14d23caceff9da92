//! What MetalLB's users wrote on their Services.

use std::collections::BTreeMap;

use crate::fault::Fault;
use crate::request::{Requested, ask, present};

/// The addresses asked for: the key that counts, and the older one.
pub const LOAD_BALANCER_IPS: [&str; 2] = [
    "metallb.io/loadBalancerIPs",
    "metallb.universe.tf/loadBalancerIPs",
];

/// What a Service asks for by MetalLB's annotations. A key with the old prefix counts only where the new
/// one is not there. All faults at once.
pub fn annotations(annotations: &BTreeMap<String, String>) -> Result<Requested, Vec<Fault>> {
    let mut faults = Vec::new();
    let found = [
        LOAD_BALANCER_IPS,
        [
            "metallb.io/address-pool",
            "metallb.universe.tf/address-pool",
        ],
        [
            "metallb.io/allow-shared-ip",
            "metallb.universe.tf/allow-shared-ip",
        ],
    ]
    .map(|keys| present(annotations, &keys));
    let requested = ask(found, &mut faults);
    faults.is_empty().then_some(requested).ok_or(faults)
}
