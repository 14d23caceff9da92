//! What Services ask for and advertisements name, beside the pools and reservations of the same files. A cluster may have
//! others, so what is not there is no problem, and is told only where such objects are given at all.

use landfall_bare_metal_resources::Requested;

use super::Report;
use super::pools::Pools;
use crate::manifests::Object;

const ANNOTATIONS: &str = "metadata.annotations";

/// What a Service asks for.
pub(super) struct Ask<'a> {
    pub(super) object: &'a Object<'a>,
    pub(super) asked: Requested,
}

/// Tells of what none of the files has.
pub(super) fn compare(
    asks: &[Ask<'_>],
    objects: &[Object<'_>],
    pools: &Pools<'_>,
    report: &mut Report,
) {
    let is_pool = |it: &&Object<'_>| ["AddressPool", "IPAddressPool"].contains(&it.text("/kind"));
    let given: Vec<_> = objects.iter().filter(is_pool).collect();
    let reserved = |namespace: &str, name: &str| {
        objects.iter().any(|it| {
            it.text("/kind") == "AddressReservation"
                && namespace_of(it) == namespace
                && it.text("/metadata/name") == name
        })
    };
    if given.is_empty() {
        return;
    }
    for Ask { object, asked } in asks {
        let mut lacking = Vec::new();
        let is_given = |name: &&String| given.iter().any(|it| it.text("/metadata/name") == *name);
        let unknown = asked.pool.iter().filter(|name| !is_given(name));
        lacking.extend(unknown.map(|name| format!("asks for the pool {name}")));
        // A pool that makes no sense might have it.
        let all_make_sense = pools.count() == given.len();
        let unknown = asked
            .addresses
            .iter()
            .filter(|it| all_make_sense && !pools.have(**it));
        lacking.extend(unknown.map(|address| format!("needs a pool that may give {address}")));
        let reservations = asked.reservations.iter();
        let unknown = reservations.filter(|name| !reserved(namespace_of(object), name));
        lacking.extend(unknown.map(|name| format!("asks for the reservation {name}")));
        for what in lacking {
            let place = object.at(ANNOTATIONS);
            let text = format!("{place}: {object}: it {what}, which is in none of these files");
            report.note(object.order(ANNOTATIONS), text);
        }
    }
}

/// Lists of names in advertisements, and the kinds that such a name may be of.
const NAMES: [(&str, &[&str]); 3] = [
    ("pools", &["AddressPool", "IPAddressPool"]),
    ("ipAddressPools", &["AddressPool", "IPAddressPool"]),
    ("peers", &["BGPPeer"]),
];

/// Tells of the pools and peers that advertisements name and none of the files has, where they have others.
pub(super) fn compare_names(objects: &[Object<'_>], report: &mut Report) {
    let is_advertisement =
        |it: &&Object<'_>| ["L2Advertisement", "BGPAdvertisement"].contains(&it.text("/kind"));
    for object in objects.iter().filter(is_advertisement) {
        for (field, kinds) in NAMES {
            let given = objects
                .iter()
                .filter(|it| kinds.contains(&it.text("/kind")));
            let given: Vec<_> = given.map(|it| it.text("/metadata/name")).collect();
            let named = (0..).map(|at| (at, object.text(&format!("/spec/{field}/{at}"))));
            let named = named.take_while(|(_, name)| !name.is_empty());
            for (at, name) in named.filter(|(_, it)| !given.is_empty() && !given.contains(it)) {
                let field = format!("spec.{field}[{at}]");
                let place = object.at(&field);
                let text = format!("{place}: {object}: {field}: {name} is in none of these files");
                report.note(object.order(&field), text);
            }
        }
    }
}

fn namespace_of<'a>(object: &'a Object<'_>) -> &'a str {
    match object.text("/metadata/namespace") {
        "" => "default",
        namespace => namespace,
    }
}
