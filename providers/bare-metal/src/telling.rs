//! From the allocator's answer to what a Service is told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use landfall_provider_api::{
    Assigned, Family, FamilyPolicy, Ingress, IpMode, Lack, LoadBalancer, Outcome,
    ProviderCondition, listed,
};

use crate::announced::{self, Fate};
use landfall_bare_metal_allocator::{Answer, Given, Refusal};

/// Condition: no pool has an address that it has.
const OUT_OF_POOL: &str = "landfall.dev/AddressOutOfPool";
/// Condition: what it says of who may connect leaves a family open to everybody.
const OPEN: &str = "landfall.dev/OpenToEverybody";
/// Condition: those who share its address have no node in common.
const IMPAIRED: &str = "landfall.dev/SharingImpaired";
/// Condition: an address that its status had belongs to an older Service.
const TAKEN: &str = "landfall.dev/AddressTaken";
/// Condition: MetalLB's objects that it depends on say something that is not followed.
const DROPPED: &str = "landfall.dev/NotCarriedOver";

/// Condition: what it asks for its routes is not heard.
const UNHEARD: &str = "landfall.dev/RouteAttributesIgnored";

/// Notes that a condition tells at most.
const MOST_NOTES: usize = 5;

/// What a Service is told besides what it is given.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    /// What of MetalLB's objects could not be carried over.
    pub(crate) dropped: &'a BTreeSet<&'a str>,
    /// What is announced of its addresses.
    pub(crate) fates: &'a [(IpAddr, Fate<'a>)],
    /// What it asks for its routes that is not heard.
    pub(crate) unheard: &'a [String],
}

/// What a Service is told.
pub(crate) fn outcome(wanted: &LoadBalancer, answer: &Answer, told: &Told<'_>) -> Outcome {
    let assigned = (!answer.addresses.is_empty()).then(|| {
        let is_ready = !wanted.endpoint_nodes.is_empty();
        Assigned {
            ingress: answer.addresses.iter().map(ingress).collect(),
            failed_ports: Vec::new(),
            serving: announced::serving(told.fates, is_ready),
            conditions: conditions(
                wanted,
                answer,
                told,
                announced::condition(told.fates, is_ready),
            ),
            awaited: BTreeMap::new(),
            repaired: false,
        }
    });
    match assigned {
        Some(assigned) if takes_what_there_is(wanted, answer) => Outcome::Provisioned(assigned),
        held => Outcome::Waiting {
            held,
            lack: lack(&answer.refusals),
        },
    }
}

fn ingress(given: &Given) -> Ingress {
    Ingress::Ip {
        address: given.address,
        mode: IpMode::Vip,
    }
}

/// Whether it has all that it asks for, but for a family that it can do without.
fn takes_what_there_is(wanted: &LoadBalancer, answer: &Answer) -> bool {
    let can_do_without = wanted.family_policy == FamilyPolicy::PreferDualStack
        && answer.addresses.len() < wanted.families.len();
    let is_mild = |refusal: &Refusal| {
        can_do_without && matches!(refusal, Refusal::NoPool(_) | Refusal::Exhausted(..))
    };
    answer.refusals.iter().all(is_mild)
}

fn lack(refusals: &[Refusal]) -> Lack {
    let reason = refusals.first().map_or("Incomplete", Refusal::reason);
    let mut messages: Vec<_> = refusals.iter().map(ToString::to_string).collect();
    messages.dedup();
    Lack {
        reason,
        message: messages.join("; "),
    }
}

fn conditions(
    wanted: &LoadBalancer,
    answer: &Answer,
    told: &Told<'_>,
    announced: ProviderCondition,
) -> Vec<ProviderCondition> {
    let mut conditions = vec![announced];
    let outside = answer.addresses.iter().filter(|it| it.pool.is_none());
    let outside: Vec<_> = outside.map(out_of_pool).collect();
    if !outside.is_empty() {
        conditions.push(warning(OUT_OF_POOL, "AddressOutOfPool", outside.join("; ")));
    }
    if let Some(message) = open_family(wanted, answer) {
        conditions.push(warning(OPEN, "FamilyOpen", message));
    }
    let mut impaired = answer.addresses.iter().filter(|it| it.lacks_common_node);
    if let Some(Given { address, .. }) = impaired.next() {
        let message = format!(
            "no node has an endpoint of each Service that shares {address}, and with \
             externalTrafficPolicy Local traffic goes only where they are: not all of them can be \
             served; give one another landfall.dev/sharing-key"
        );
        conditions.push(warning(IMPAIRED, "NoCommonNode", message));
    }
    if let Some((address, by)) = &answer.evicted {
        let message = format!(
            "{address}, which this Service had in its status, belongs to {by}, which is older"
        );
        conditions.push(warning(TAKEN, "AddressTaken", message));
    }
    if !told.dropped.is_empty() {
        conditions.push(not_carried_over(told.dropped));
    }
    if !told.unheard.is_empty() {
        let message = listed(told.unheard, MOST_NOTES, "; ");
        conditions.push(warning(UNHEARD, "RouteAttributesIgnored", message));
    }
    conditions
}

/// The event is MetalLB's object's, of which many Services may be.
fn not_carried_over(dropped: &BTreeSet<&str>) -> ProviderCondition {
    ProviderCondition {
        type_: DROPPED,
        holds: Some(true),
        reason: "NotCarriedOver",
        message: format!(
            "of MetalLB's objects: {}",
            listed(dropped, MOST_NOTES, ". ")
        ),
        warns: false,
    }
}

fn out_of_pool(given: &Given) -> String {
    let address = given.address;
    match &given.lost_by {
        Some(pool) => format!(
            "{address} is no longer in AddressPool {pool}; it is served until the Service asks for \
             another, or the pool is annotated landfall.dev/reclaim: \"true\""
        ),
        None => format!(
            "{address} is in no AddressPool; it is served until the Service asks for another"
        ),
    }
}

/// The family that source ranges say nothing of, if they say something of the other: kube-proxy
/// then lets everybody in by it.
fn open_family(wanted: &LoadBalancer, answer: &Answer) -> Option<String> {
    let has_ranges = |family: Family| {
        let mut ranges = wanted.source_ranges.iter();
        ranges.any(|range| Family::of(range.network()) == family)
    };
    if wanted.source_ranges.is_empty() {
        return None;
    }
    let mut families = answer.addresses.iter().map(|it| Family::of(it.address));
    let open = families.find(|family| !has_ranges(*family))?;
    let (address, all) = match open {
        Family::IPv4 => ("IPv4", "0.0.0.0/0"),
        Family::IPv6 => ("IPv6", "::/0"),
    };
    Some(format!(
        "spec.loadBalancerSourceRanges names no {address} range, so kube-proxy lets everybody in by \
         the {address} address; name those who may, or {all} for all"
    ))
}

fn warning(type_: &'static str, reason: &'static str, message: String) -> ProviderCondition {
    ProviderCondition {
        type_,
        holds: Some(true),
        reason,
        message,
        warns: true,
    }
}
