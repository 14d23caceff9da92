//! From a load balancer to what it asks of the pools: what its annotations say is parsed here.

use landfall_provider_api::{Error, LoadBalancer, TrafficPolicy};

use landfall_bare_metal_allocator::{Ask, Need, Sharing};

/// Annotation of a Service: the AddressPool that its addresses are to be from.
pub const POOL: &str = "landfall.dev/address-pool";
/// Annotation of a Service: the key that all who share an address have in common.
pub const SHARING_KEY: &str = "landfall.dev/sharing-key";
/// Annotation of a Service: the AddressReservation, or two with a comma between, whose address it
/// is to have.
pub const RESERVATION: &str = "landfall.dev/reservation";

/// How the names begin of the annotations that are looked at.
pub(crate) const ANNOTATIONS: &[&str] = &[POOL, SHARING_KEY, RESERVATION];

/// Longest value of an annotation that is repeated in a message, in bytes.
const LONGEST_QUOTE: usize = 64;

/// What a load balancer asks for. The first fault if it asks for what cannot be.
pub(crate) fn need(wanted: &LoadBalancer) -> Result<Need, Error> {
    let reservations = reservations(wanted)?;
    let pool = text(wanted, POOL);
    if !reservations.is_empty() {
        if !wanted.requested_addresses.is_empty() {
            return Err(fault(
                RESERVATION,
                "a Service that asks for addresses cannot name a reservation; use one of the two",
            ));
        }
        if pool.is_some() {
            let message = format!(
                "a Service that names a reservation cannot name a pool as well; remove {POOL}"
            );
            return Err(fault(RESERVATION, message));
        }
    }
    let local = match wanted.traffic_policy {
        TrafficPolicy::Cluster => None,
        TrafficPolicy::Local { .. } => Some(wanted.endpoint_nodes.clone()),
    };
    let ports = wanted.ports.iter().map(|it| (it.protocol, it.port));
    let sharing = text(wanted, SHARING_KEY).map(|key| Sharing {
        key: key.into(),
        ports: ports.collect(),
        local,
    });
    Ok(Need {
        uid: wanted.id.service_uid.as_str().into(),
        service: wanted.service.clone(),
        created: wanted.created,
        families: wanted.families.clone(),
        policy: wanted.family_policy,
        ask: Ask {
            addresses: wanted.requested_addresses.clone(),
            pool: pool.map(Into::into),
            reservations,
        },
        sharing,
        labels: wanted.labels.clone(),
        namespace_labels: wanted.namespace_labels.clone(),
    })
}

fn reservations(wanted: &LoadBalancer) -> Result<Vec<String>, Error> {
    let Some(text) = text(wanted, RESERVATION) else {
        return Ok(Vec::new());
    };
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        if let Some((namespace, _)) = name.split_once('/') {
            let message = format!(
                "{} is of namespace {}; a Service can name reservations of its own namespace only",
                quoted(name),
                quoted(namespace)
            );
            return Err(fault(RESERVATION, message));
        }
        if names.iter().any(|it| it == name) {
            let message = format!("{} is named twice", quoted(name));
            return Err(fault(RESERVATION, message));
        }
        names.push(name.to_owned());
    }
    if names.len() > 2 {
        let message = format!(
            "{} reservations are named; a Service has one address of each family",
            names.len()
        );
        return Err(fault(RESERVATION, message));
    }
    Ok(names)
}

/// The value of an annotation, if it says anything.
fn text<'a>(wanted: &'a LoadBalancer, name: &str) -> Option<&'a str> {
    let value = wanted.annotations.get(name)?.trim();
    (!value.is_empty()).then_some(value)
}

fn fault(annotation: &str, message: impl Into<String>) -> Error {
    Error::Invalid {
        field: format!("metadata.annotations[{annotation}]"),
        message: message.into(),
    }
}

fn quoted(text: &str) -> String {
    if text.len() <= LONGEST_QUOTE {
        return format!("{text:?}");
    }
    format!("{:?}…", &text[..text.floor_char_boundary(LONGEST_QUOTE)])
}
