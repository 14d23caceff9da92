//! Target groups, without their targets.

use super::{Step, Unread, balancer_name, declare, group_of};
use crate::calls::HealthCheck;
use crate::seen::{Balancer, Seen};
use crate::wanted::{Wanted, WantedPort};

pub(super) fn step(wanted: &Wanted, seen: &Seen, current: Option<&Balancer>) -> Option<Step> {
    let mut ports = wanted.ports.iter();
    ports.find_map(|port| of(wanted, seen, current, port))
}

fn of(wanted: &Wanted, seen: &Seen, current: Option<&Balancer>, port: &WantedPort) -> Option<Step> {
    let Some(group) = group_of(wanted, seen, current, port) else {
        let new = wanted.new_group(port, &balancer_name(wanted, seen, current));
        return Some(Step::MakeGroup(Box::new(new)));
    };
    let arn = || group.it.arn.clone();
    if differs(&port.health, &group.it.health_check) {
        return Some(Step::Probe {
            group: arn(),
            health: Box::new(port.health.clone()),
        });
    }
    declare(
        &port.group_attributes,
        &group.attributes,
        || Unread::GroupAttributes(arn()),
        |attributes| Step::SetGroupAttributes {
            group: arn(),
            attributes,
        },
    )
}

/// Whether something of what is wanted is otherwise. What is not wanted may be anything.
fn differs(wanted: &HealthCheck, is: &HealthCheck) -> bool {
    fn other<T: PartialEq>(wanted: Option<&T>, is: Option<&T>) -> bool {
        wanted.is_some() && wanted != is
    }
    other(wanted.protocol.as_ref(), is.protocol.as_ref())
        || other(wanted.port.as_ref(), is.port.as_ref())
        || other(wanted.path.as_ref(), is.path.as_ref())
        || other(wanted.interval.as_ref(), is.interval.as_ref())
        || other(wanted.timeout.as_ref(), is.timeout.as_ref())
        || other(wanted.healthy.as_ref(), is.healthy.as_ref())
        || other(wanted.unhealthy.as_ref(), is.unhealthy.as_ref())
        || other(wanted.codes.as_ref(), is.codes.as_ref())
}
