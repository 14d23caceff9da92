//! What a Service asks a pool for, by its annotations.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::fault::Fault;
use crate::names::object_name;
use crate::reservation::one_address;

/// The annotation with the addresses that a Service wants, commas between.
pub const LOAD_BALANCER_IPS: &str = "landfall.dev/load-balancer-ips";
/// The annotation with the name of the pool that a Service wants its addresses from.
pub const ADDRESS_POOL: &str = "landfall.dev/address-pool";
/// The annotation with the key that Services share an address by.
pub const SHARING_KEY: &str = "landfall.dev/sharing-key";
/// The annotation with the name of a reservation in the Service's namespace, or two with a comma between.
pub const RESERVATION: &str = "landfall.dev/reservation";

/// What a Service asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requested {
    /// These addresses and no others: none, one, or one of each family, in the order of the text.
    pub addresses: Vec<IpAddr>,
    /// Addresses of this pool.
    pub pool: Option<String>,
    /// An address together with Services that have the same key.
    pub sharing_key: Option<String>,
    /// The addresses of these reservations: none, one, or one of each family.
    pub reservations: Vec<String>,
}

/// What a Service asks for by Landfall's own annotations. All faults at once.
pub fn requested(annotations: &BTreeMap<String, String>) -> Result<Requested, Vec<Fault>> {
    let mut faults = Vec::new();
    let own = |key| present(annotations, &[key]);
    let mut requested = ask(
        [own(LOAD_BALANCER_IPS), own(ADDRESS_POOL), own(SHARING_KEY)],
        &mut faults,
    );
    if let Some((key, names)) = own(RESERVATION) {
        requested.reservations = items(names).map(str::to_owned).collect();
        reservations(&field(key), &requested.reservations, &mut faults);
        let others = [own(LOAD_BALANCER_IPS), own(ADDRESS_POOL)];
        if let Some((other, _)) = others.into_iter().flatten().next() {
            let message = format!("a reservation says the address already; leave out {other}");
            faults.push(Fault::new(field(key), message));
        }
    }
    faults.is_empty().then_some(requested).ok_or(faults)
}

/// A key and its value, which is not empty.
pub(crate) type Annotation<'a> = Option<(&'a str, &'a str)>;

/// The first of these keys that is there at all; an empty value is as good as none.
pub(crate) fn present<'a>(
    annotations: &'a BTreeMap<String, String>,
    keys: &[&'a str],
) -> Annotation<'a> {
    let (key, value) = keys
        .iter()
        .find_map(|key| Some((*key, annotations.get(*key)?)))?;
    let value = value.trim();
    (!value.is_empty()).then_some((key, value))
}

/// Reads annotations with addresses, a pool, and a sharing key.
pub(crate) fn ask(
    [addresses, pool, sharing_key]: [Annotation<'_>; 3],
    faults: &mut Vec<Fault>,
) -> Requested {
    if let Some((key, name)) = pool {
        object_name(&field(key), name, faults);
    }
    Requested {
        addresses: addresses
            .map(|(key, text)| list(&field(key), text, faults))
            .unwrap_or_default(),
        pool: pool.map(|(_, name)| name.to_owned()),
        sharing_key: sharing_key.map(|(_, key)| key.to_owned()),
        reservations: Vec::new(),
    }
}

/// The items of a list with commas between; a comma too many is passed over.
pub(crate) fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|it| !it.is_empty())
}

/// Names of one or two reservations of the Service's own namespace.
fn reservations(field: &str, names: &[String], faults: &mut Vec<Fault>) {
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            faults.push(Fault::new(field, format!("'{name}' is named twice")));
        } else if name.contains('/') {
            let message = format!("'{name}' is of a namespace");
            let hint = "a Service can name reservations of its own namespace only";
            faults.push(Fault::new(field, message).hint(hint));
        } else {
            object_name(field, name, faults);
        }
    }
    if names.len() > 2 {
        let message = format!("{} reservations are too many", names.len());
        faults.push(Fault::new(field, message).hint("one, or one of each family"));
    }
}

/// The path of an annotation.
pub(crate) fn field(key: &str) -> String {
    format!("metadata.annotations[{key}]")
}

/// One address, or one of each family.
fn list(field: &str, text: &str, faults: &mut Vec<Fault>) -> Vec<IpAddr> {
    let texts: Vec<_> = items(text).collect();
    if texts.len() > 2 {
        let message = format!("{} addresses are too many", texts.len());
        let hint = "one, or one of each family";
        faults.push(Fault::new(field, message).hint(hint));
        return Vec::new();
    }
    let mut addresses = Vec::new();
    for text in texts {
        match one_address(text) {
            Ok(address) => addresses.push(address),
            Err(error) => faults.push(Fault::entry(field, &error)),
        }
    }
    if let [one, another] = addresses[..]
        && one.is_ipv4() == another.is_ipv4()
    {
        let message = format!("{one} and {another} are of one family");
        let hint = "one address, or one of each family";
        faults.push(Fault::new(field, message).hint(hint));
    }
    addresses
}
