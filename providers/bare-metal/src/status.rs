//! What the statuses of pools, reservations and advertisements are to say. Decides; writes nothing.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use landfall_bare_metal_resources::kinds::{
    AddressPool, AddressPoolStatus, AddressReservation, AddressReservationStatus, Allocation,
    BGPAdvertisement, BGPPeer, FamilyCount, L2Advertisement,
};
use landfall_bare_metal_resources::{AddressRange, AddressSet, Fault};
use landfall_provider_api::{Family, listed};

use crate::routing::Conflict;
use crate::speakers::Reported;
use crate::state::Read;
use landfall_bare_metal_allocator::{Allocator, Pool, ReservationName, Standing};

/// Ranges that a status lists at most.
const MOST_RANGES: usize = 1000;
/// Faults that a condition tells at most.
const MOST_FAULTS: usize = 5;

/// What a condition is to say.
struct Said {
    type_: &'static str,
    holds: bool,
    reason: &'static str,
    message: String,
}

/// The status of a pool.
pub(crate) fn of_pool(pool: &Pool, read: &Read<AddressPool>, now: Timestamp) -> AddressPoolStatus {
    let object = &read.object;
    let before = object.status.as_ref();
    let said = [ready(pool, &read.faults), conflicting(pool)];
    let generation = object.metadata.generation;
    let present = before.map(|it| it.conditions.as_slice());
    let ranges = pool.ranges();
    let ranges = ranges.filter_map(|it| AddressRange::new(*it.start(), *it.end()));
    let lost = pool.lost.iter().map(|address| AddressRange::from(*address));
    AddressPoolStatus {
        ipv4: counts(pool, Family::IPv4),
        ipv6: counts(pool, Family::IPv6),
        addresses: texts(&ranges.collect()),
        retained: texts(&lost.collect()),
        conditions: conditions(said, present.unwrap_or_default(), generation, now),
    }
}

fn ready(pool: &Pool, faults: &[Fault]) -> Said {
    let (holds, reason, message) = match &pool.standing {
        Standing::Invalid => (false, "Invalid", told(faults)),
        Standing::Conflicting { .. } => (
            false,
            "Conflicting",
            "nothing new is given while it has addresses in common with another pool".to_owned(),
        ),
        Standing::Ready if pool.spec.allocation == Allocation::Closed => (
            false,
            "Closed",
            "nothing new is given; what is assigned stays".to_owned(),
        ),
        Standing::Ready => (true, "Ready", "addresses can be given".to_owned()),
    };
    Said {
        type_: "Ready",
        holds,
        reason,
        message: match pool.lost.len() {
            0 => message,
            lost => format!(
                "{message}; {lost} addresses that it has no more are still in use (status.retained)"
            ),
        },
    }
}

fn conflicting(pool: &Pool) -> Said {
    let (holds, reason, message) = match &pool.standing {
        Standing::Conflicting { with, range } => {
            let range = AddressRange::new(range.0, range.1);
            let range = range.map(|it| it.to_string()).unwrap_or_default();
            let message = format!("it has {range} in common with AddressPool {with}");
            (true, "Overlap", message)
        }
        _ => (
            false,
            "NoOverlap",
            "no other pool has one of its addresses".to_owned(),
        ),
    };
    Said {
        type_: "Conflicting",
        holds,
        reason,
        message,
    }
}

fn counts(pool: &Pool, family: Family) -> Option<FamilyCount> {
    let number = |it: u128| i64::try_from(it).unwrap_or(i64::MAX);
    let total = pool.total(family);
    (total > 0).then(|| FamilyCount {
        total: number(total),
        assigned: number(pool.assigned(family)),
        available: number(pool.available(family)),
    })
}

fn texts(set: &AddressSet) -> Vec<String> {
    let ranges = set.ranges().iter().take(MOST_RANGES);
    ranges.map(ToString::to_string).collect()
}

fn told(faults: &[Fault]) -> String {
    listed(faults, MOST_FAULTS, "; ")
}

/// The conditions of an L2Advertisement.
pub(crate) fn of_l2_advertisement(
    read: &Read<L2Advertisement>,
    present: &[Condition],
    now: Timestamp,
) -> Vec<Condition> {
    let said = invalid(&read.faults).unwrap_or_else(|| Said {
        type_: "Ready",
        holds: true,
        reason: "Ready",
        message: "speakers follow it; each Service says which node has its address".to_owned(),
    });
    conditions(Some(said), present, read.object.metadata.generation, now)
}

/// The conditions of a BGPAdvertisement.
pub(crate) fn of_bgp_advertisement(
    read: &Read<BGPAdvertisement>,
    conflicts: &[Conflict],
    nobodys: &[String],
    present: &[Condition],
    now: Timestamp,
) -> Vec<Condition> {
    let ready = invalid(&read.faults).unwrap_or_else(|| {
        let follow = "speakers follow it; `landfall status bgp` says which routers are told";
        let (reason, message) = if nobodys.is_empty() {
            ("Ready", follow.to_owned())
        } else {
            let names = listed(nobodys, MOST_FAULTS, ", ");
            ("NamesNothing", format!("{follow}; there is no {names}"))
        };
        Said {
            type_: "Ready",
            holds: true,
            reason,
            message,
        }
    });
    let told: Vec<_> = conflicts
        .iter()
        .map(|it| {
            let Conflict {
                with,
                field,
                theirs,
                ours,
            } = it;
            format!("{field}: {with} says {theirs}, which counts, and this one {ours}")
        })
        .collect();
    let conflicting = if told.is_empty() {
        Said {
            type_: "Conflicting",
            holds: false,
            reason: "NoConflict",
            message: "no other says something else of the same routes".to_owned(),
        }
    } else {
        Said {
            type_: "Conflicting",
            holds: true,
            reason: "Conflicting",
            message: listed(&told, MOST_FAULTS, "; "),
        }
    };
    let generation = read.object.metadata.generation;
    conditions([ready, conflicting], present, generation, now)
}

/// The conditions of a `BGPPeer`, with which these nodes have sessions.
pub(crate) fn of_bgp_peer(
    read: &Read<BGPPeer>,
    sessions: &Reported<'_>,
    double: Option<&str>,
    present: &[Condition],
    now: Timestamp,
) -> Vec<Condition> {
    let ready = invalid(&read.faults).unwrap_or_else(|| Said {
        type_: "Ready",
        holds: true,
        reason: "Ready",
        message: "speakers follow it".to_owned(),
    });
    let spec = &read.object.spec;
    let unkept = spec.graceful_restart.is_some() && spec.bfd.is_some();
    let unkept = unkept.then(|| Said {
        type_: "GracefulRestart",
        holds: false,
        reason: "BFD",
        message: "bfd is set, too, and it wins: the router notices at once when the speaker ends, \
                  and drops the routes; leave out one of the two"
            .to_owned(),
    });
    let double = double.map(|other| Said {
        type_: "Conflicting",
        holds: true,
        reason: "SameRouter",
        message: format!(
            "BGPPeer {other} is for the same router on the same nodes, which closes one of two \
             sessions with a node; delete one, or let nodeSelector part them"
        ),
    });
    let said = [Some(ready), Some(established(sessions)), double, unkept];
    let generation = read.object.metadata.generation;
    conditions(said.into_iter().flatten(), present, generation, now)
}

/// How many nodes have a session is not said: it would change with each of them.
fn established(sessions: &Reported<'_>) -> Said {
    let said = |holds, reason, message| Said {
        type_: "Established",
        holds,
        reason,
        message,
    };
    if sessions.is_empty() {
        let message = "no node reports a session with it".to_owned();
        return said(false, "NoSession", message);
    }
    let down: Vec<_> = sessions
        .iter()
        .filter(|(_, it)| !it.is_established)
        .map(|(node, it)| match &it.error {
            Some(error) => format!("{node}: {error}"),
            None => format!("{node}: not yet"),
        })
        .collect();
    if !down.is_empty() {
        return said(false, "NotEstablished", listed(&down, MOST_FAULTS, "; "));
    }
    let mut lacking = sessions.iter().filter_map(|(_, it)| it.lacks.as_ref());
    match lacking.next() {
        None => said(
            true,
            "Established",
            "all nodes have a session with it".to_owned(),
        ),
        Some(families) => said(
            true,
            "FamilyMissing",
            format!("all nodes have a session with it, but it takes no {families} routes"),
        ),
    }
}

fn invalid(faults: &[Fault]) -> Option<Said> {
    (!faults.is_empty()).then(|| Said {
        type_: "Ready",
        holds: false,
        reason: "Invalid",
        message: told(faults),
    })
}

/// The status of a reservation.
pub(crate) fn of_reservation(
    allocator: &Allocator,
    name: &ReservationName,
    read: &Read<AddressReservation>,
    now: Timestamp,
) -> AddressReservationStatus {
    let object = &read.object;
    let reservation = allocator.reservation(name);
    let address = reservation.and_then(|it| it.address);
    let lack = reservation.and_then(|it| it.lack.as_ref());
    let user = address.and_then(|it| allocator.user(name, it));
    let stranger = address.and_then(|it| allocator.users(it).next());
    let (holds, reason, message) = match (address, lack, stranger) {
        _ if !read.faults.is_empty() => (false, "Invalid", told(&read.faults)),
        (Some(address), _, Some(by)) if user.is_none() => (
            false,
            "AddressInUse",
            format!(
                "{address} is in use by {by}, which does not name this reservation; it is kept \
                 from when that Service lets it go"
            ),
        ),
        (Some(address), ..) => (true, "Ready", format!("{address} is kept")),
        (None, Some(lack), _) => (false, lack.reason(), lack.to_string()),
        (None, None, _) => (false, "Pending", "no address was looked for yet".to_owned()),
    };
    let said = [Said {
        type_: "Ready",
        holds,
        reason,
        message,
    }];
    let present = object.status.as_ref().map(|it| it.conditions.as_slice());
    AddressReservationStatus {
        address: address.map(|it| it.to_string()),
        pool: address
            .and_then(|it| allocator.pool_of(it))
            .map(ToString::to_string),
        service: user.map(|it| it.name.clone()),
        conditions: conditions(
            said,
            present.unwrap_or_default(),
            object.metadata.generation,
            now,
        ),
    }
}

/// `lastTransitionTime` moves only with `status`.
fn conditions(
    said: impl IntoIterator<Item = Said>,
    present: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let condition = |said: Said| {
        let status = if said.holds { "True" } else { "False" };
        let mut same = present.iter();
        let same = same.find(|it| it.type_ == said.type_ && it.status == status);
        Condition {
            type_: said.type_.to_owned(),
            status: status.to_owned(),
            reason: said.reason.to_owned(),
            message: said.message,
            observed_generation: generation,
            last_transition_time: same.map_or(Time(now), |it| it.last_transition_time.clone()),
        }
    };
    said.into_iter().map(condition).collect()
}
