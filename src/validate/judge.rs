//! Which kinds are judged, and by whom.

use landfall_bare_metal_resources::kinds::{
    AddressPool, AddressReservation, BGPAdvertisement, BGPPeer, GROUP, L2Advertisement,
    SpeakerStatus, VERSION,
};
use landfall_bare_metal_resources::{
    BgpRule, Fault, L2Rule, Peer, Pool, Reservation, metallb, read,
};
use serde::de::DeserializeOwned;

use super::asks::Ask;
use super::pools::Pools;
use super::{Report, service};
use crate::manifests::Object;

/// What has to be seen beside others.
#[derive(Default)]
pub(super) struct Gathered<'a> {
    pub(super) pools: Pools<'a>,
    /// MetalLB's objects.
    pub(super) theirs: Vec<(&'a Object<'a>, metallb::Object)>,
    pub(super) asks: Vec<Ask<'a>>,
}

/// Judges one object by itself. False if its kind says nothing to the controller.
pub(super) fn judge<'a>(
    object: &'a Object<'a>,
    gathered: &mut Gathered<'a>,
    report: &mut Report,
) -> bool {
    let [version, kind] = ["/apiVersion", "/kind"].map(|it| object.text(it));
    let lacking = [("kind", kind), ("apiVersion", version)];
    if let Some((field, _)) = lacking.iter().find(|(_, text)| text.is_empty()) {
        let fault = Fault::new(*field, "an object needs apiVersion and kind");
        report.fault(object, &fault);
        return true;
    }
    match (object.group(), kind) {
        (GROUP, kind) => {
            let version = format!("{GROUP}/{VERSION}");
            if object.text("/apiVersion") != version {
                let fault = Fault::new("apiVersion", "there is no such version");
                report.fault(object, &fault.hint(format!("did you mean {version}?")));
            }
            native(object, kind, &mut gathered.pools, report)
        }
        (metallb::GROUP, _) => match metallb::Object::read(object.value) {
            Ok(Some(read)) => {
                gathered.theirs.push((object, read));
                true
            }
            Ok(None) => false,
            Err(fault) => {
                report.fault(object, &fault);
                true
            }
        },
        ("", "Service") => {
            gathered.asks.extend(service::judge(object, report));
            true
        }
        _ => false,
    }
}

fn native<'a>(
    object: &'a Object<'a>,
    kind: &str,
    pools: &mut Pools<'a>,
    report: &mut Report,
) -> bool {
    match kind {
        "AddressPool" => {
            if let Some(pool) = parse(object, Pool::parse, report) {
                pools.add(object, pool);
            }
        }
        "AddressReservation" => drop(parse::<AddressReservation, _>(
            object,
            Reservation::parse,
            report,
        )),
        "L2Advertisement" => drop(parse::<L2Advertisement, _>(object, L2Rule::parse, report)),
        "BGPAdvertisement" => drop(parse::<BGPAdvertisement, _>(object, BgpRule::parse, report)),
        "BGPPeer" => drop(parse::<BGPPeer, _>(object, Peer::parse, report)),
        // Speakers write these; there is nothing in them to be judged.
        "SpeakerStatus" => drop(typed::<SpeakerStatus>(object, report)),
        _ => {
            let kinds = [
                AddressPool::kind(),
                AddressReservation::kind(),
                BGPAdvertisement::kind(),
                BGPPeer::kind(),
                L2Advertisement::kind(),
                SpeakerStatus::kind(),
            ];
            let fault = Fault::new("kind", format!("there is no kind {kind} in {GROUP}"));
            report.fault(object, &fault.hint(kinds.join(", ")));
        }
    }
    true
}

/// Reads and parses an object of a kind, and tells of everything that is wrong with it.
fn parse<T: DeserializeOwned, P>(
    object: &Object<'_>,
    parse: impl FnOnce(&T) -> Result<P, Vec<Fault>>,
    report: &mut Report,
) -> Option<P> {
    let typed = typed(object, report)?;
    match parse(&typed) {
        Ok(parsed) => Some(parsed),
        Err(faults) => {
            for fault in faults {
                report.fault(object, &fault);
            }
            None
        }
    }
}

/// Reads an object; tells of wrong types, and of fields that its kind does not have.
pub(super) fn typed<T: DeserializeOwned>(object: &Object<'_>, report: &mut Report) -> Option<T> {
    match read::<T>(object.value) {
        Ok(read) => {
            for field in read.unknown {
                report.fault(object, &Fault::new(field, "there is no such field"));
            }
            Some(read.object)
        }
        Err(fault) => {
            report.fault(object, &fault);
            None
        }
    }
}

/// The name of a kind.
trait Named {
    fn kind() -> String;
}

impl<T: kube::Resource<DynamicType = ()>> Named for T {
    fn kind() -> String {
        T::kind(&()).into_owned()
    }
}
