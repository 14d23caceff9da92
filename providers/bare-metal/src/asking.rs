//! From a load balancer to what it asks of the pools: its annotations are read here.

use landfall_bare_metal_allocator::{Ask, Need, Sharing, Uid};
use landfall_bare_metal_resources::{
    ADDRESS_POOL, Fault, RESERVATION, Requested, SHARING_KEY, metallb, requested,
};
use landfall_provider_api::{Error, LoadBalancer, TrafficPolicy};

/// How the names begin of the annotations that are looked at.
pub(crate) const ANNOTATIONS: &[&str] = &[ADDRESS_POOL, SHARING_KEY, RESERVATION, ROUTES];
/// The same where MetalLB's count, too.
pub(crate) const WITH_METALLB: &[&str] = &[
    ADDRESS_POOL,
    SHARING_KEY,
    RESERVATION,
    ROUTES,
    "metallb.io/",
    "metallb.universe.tf/",
];

/// How those begin that say something of routes.
const ROUTES: &str = "landfall.dev/bgp-";

/// What a load balancer asks for. All faults at once if it asks for what cannot be.
pub(crate) fn need(wanted: &LoadBalancer) -> Result<Need, Error> {
    let ours = requested(&wanted.annotations).map_err(invalid)?;
    // They are among the annotations only where they count.
    let theirs = metallb::annotations(&wanted.annotations).map_err(invalid)?;
    let addresses = addresses(wanted, &theirs)?;
    let Requested {
        pool,
        sharing_key,
        reservations,
        ..
    } = ours;
    if !reservations.is_empty() && !addresses.is_empty() {
        return Err(invalid(vec![Fault::new(
            format!("metadata.annotations[{RESERVATION}]"),
            "a Service that asks for addresses cannot name a reservation; use one of the two",
        )]));
    }
    let local = match wanted.traffic_policy {
        TrafficPolicy::Cluster => None,
        TrafficPolicy::Local { .. } => Some(wanted.endpoint_nodes.clone()),
    };
    let ports = wanted.ports.iter().map(|it| (it.protocol, it.port));
    let sharing = sharing_key.or(theirs.sharing_key).map(|key| Sharing {
        key: key.into(),
        ports: ports.collect(),
        local,
    });
    Ok(Need {
        uid: Uid::from(&*wanted.id.service_uid),
        service: wanted.service.clone(),
        created: wanted.created,
        families: wanted.families.clone(),
        policy: wanted.family_policy,
        ask: Ask {
            addresses,
            pool: pool.or(theirs.pool).map(Into::into),
            reservations,
        },
        sharing,
        labels: wanted.labels.clone(),
        namespace_labels: wanted.namespace_labels.clone(),
    })
}

/// The addresses asked for: by our annotation or `spec.loadBalancerIP`, else by MetalLB's.
fn addresses(wanted: &LoadBalancer, theirs: &Requested) -> Result<Vec<std::net::IpAddr>, Error> {
    if !wanted.requested_addresses.is_empty() {
        return Ok(wanted.requested_addresses.clone());
    }
    for address in &theirs.addresses {
        let family = landfall_provider_api::Family::of(*address);
        if !wanted.families.contains(&family) {
            let [new, old] = metallb::LOAD_BALANCER_IPS;
            let is_new = wanted.annotations.contains_key(new);
            let name = if is_new { new } else { old };
            return Err(invalid(vec![Fault::new(
                format!("metadata.annotations[{name}]"),
                format!("{address} is of a family that the Service does not have"),
            )]));
        }
    }
    Ok(theirs.addresses.clone())
}

/// The field of the first names the error; the others stand in the message.
fn invalid(faults: Vec<Fault>) -> Error {
    let (mut field, mut messages) = (String::new(), Vec::new());
    for fault in faults {
        if messages.is_empty() {
            let hint = fault.hint.map(|hint| format!(" ({hint})"));
            messages.push(fault.message + &hint.unwrap_or_default());
            field = fault.field;
        } else {
            messages.push(fault.to_string());
        }
    }
    Error::Invalid {
        field,
        message: messages.join("; "),
    }
}
