//! Who is registered in the target groups.

use std::collections::BTreeSet;

use super::{Step, Unread, group_of};
use crate::calls::{MAX_TARGETS, Target};
use crate::seen::{Balancer, Believed, Group, Seen};
use crate::wanted::{Wanted, WantedPort};

pub(super) fn step(wanted: &Wanted, seen: &Seen, current: Option<&Balancer>) -> Option<Step> {
    wanted.ports.iter().find_map(|port| {
        let group = group_of(wanted, seen, current, port)?;
        of(port, group)
    })
}

fn of(port: &WantedPort, group: &Group) -> Option<Step> {
    let arn = || group.it.arn.clone();
    let are = match &group.targets {
        Believed::Unknown => return Some(Step::Read(Unread::Targets(arn()))),
        Believed::Assumed => return None,
        Believed::Known(targets) => targets,
    };
    let are: BTreeSet<_> = are.iter().map(place).collect();
    let to_be = port.targets.iter();
    let to_be: Vec<_> = to_be
        .filter(|it| !group.refused.contains_key(&it.id))
        .collect();
    let missing = to_be.iter().filter(|it| !are.contains(&place(it)));
    let missing: Vec<_> = missing.take(MAX_TARGETS).map(|it| (*it).clone()).collect();
    if !missing.is_empty() {
        let group = arn();
        return Some(Step::Register {
            group,
            targets: missing,
        });
    }
    let to_be: BTreeSet<_> = to_be.iter().map(|it| place(it)).collect();
    let known = group.targets.known().into_iter().flatten();
    let surplus = known.filter(|it| !to_be.contains(&place(it)));
    let surplus: Vec<_> = surplus.take(MAX_TARGETS).cloned().collect();
    (!surplus.is_empty()).then(|| Step::Deregister {
        group: arn(),
        targets: surplus,
    })
}

/// What tells a target from others. Its zone, AWS fills in.
fn place(target: &Target) -> (&str, Option<u16>) {
    (&target.id, target.port)
}
