//! Listeners of the load balancer, and to which target groups they send.

use super::{Step, Unread, beside_default, declare, group_of};
use crate::calls::{Arn, Forward, ListenerChange, NewListener};
use crate::names::Part;
use crate::seen::{Balancer, Believed, Group, Heard, Seen};
use crate::wanted::{Wanted, WantedPort};

/// How AWS writes that there is no ALPN policy.
const NO_ALPN: &str = "None";

pub(super) fn step(wanted: &Wanted, seen: &Seen, current: &Balancer) -> Option<Step> {
    let mut ports = wanted.ports.iter();
    ports
        .find_map(|port| of(wanted, seen, current, port))
        .or_else(|| {
            let is_wanted = |it: &Heard| wanted.ports.iter().any(|port| port.port == it.it.port);
            let surplus = current.listeners.iter().find(|it| !is_wanted(it));
            surplus.map(|it| Step::RemoveListener(it.it.arn.clone()))
        })
}

fn of(wanted: &Wanted, seen: &Seen, current: &Balancer, port: &WantedPort) -> Option<Step> {
    let group = group_of(wanted, seen, Some(current), port)?;
    let tls = port.tls.as_ref();
    let default = tls.and_then(|it| it.certificates.first()).cloned();
    let policy = tls.map(|it| it.policy.clone());
    let alpn = tls.and_then(|it| it.alpn.clone());
    let Some(listener) = current.listeners.iter().find(|it| it.it.port == port.port) else {
        return Some(Step::MakeListener(Box::new(NewListener {
            load_balancer: current.it.arn.clone(),
            port: port.port,
            protocol: port.protocol.as_str().to_owned(),
            action: only(&group.it.arn),
            certificate: default,
            ssl_policy: policy,
            alpn: alpn.filter(|it| it != NO_ALPN),
            tags: wanted.tags_of(Part::Listener),
        })));
    };
    let is = &listener.it;
    let protocol = port.protocol.as_str();
    let action = action(seen, group, listener, port);
    let mut change = ListenerChange {
        action: (is.action != action).then_some(action),
        ..ListenerChange::default()
    };
    if is.protocol != protocol {
        change.protocol = Some(protocol.to_owned());
        change.action = Some(only(&group.it.arn));
    }
    if tls.is_some() {
        change.certificate = default.filter(|it| is.certificate.as_ref() != Some(it));
        change.ssl_policy = policy.filter(|it| is.ssl_policy.as_ref() != Some(it));
        let alpn = alpn.filter(|it| is.alpn.as_deref().unwrap_or(NO_ALPN) != it);
        change.alpn = alpn;
        if change.protocol.is_some() {
            // What becomes TLS must have all of it at once.
            let tls = port.tls.as_ref();
            change.certificate = tls.and_then(|it| it.certificates.first()).cloned();
            change.ssl_policy = tls.map(|it| it.policy.clone());
        }
    }
    if change != ListenerChange::default() {
        return Some(Step::ChangeListener {
            listener: is.arn.clone(),
            change: Box::new(change),
        });
    }
    certify(listener, port).or_else(|| {
        declare(
            &port.attributes,
            &listener.attributes,
            || Unread::ListenerAttributes(is.arn.clone()),
            |attributes| Step::SetListenerAttributes {
                listener: is.arn.clone(),
                attributes,
            },
        )
    })
}

/// To one group alone.
fn only(group: &Arn) -> Forward {
    Forward {
        groups: vec![(group.clone(), 1)],
    }
}

/// Where it sends. A group that takes the place of another is brought in with no weight, so that its
/// targets are probed, and takes over when one of them is well.
fn action(seen: &Seen, group: &Group, listener: &Heard, port: &WantedPort) -> Forward {
    let is = &listener.it.action;
    let sends_to = |arn: &Arn| is.groups.iter().any(|(it, _)| it == arn);
    if is.groups.len() == 1 && sends_to(&group.it.arn) {
        // With one group the weight means nothing.
        return is.clone();
    }
    let others = is.groups.iter().filter(|(it, _)| *it != group.it.arn);
    let before = others.filter_map(|(arn, _)| seen.groups.iter().find(|it| it.it.arn == *arn));
    let before: Vec<_> = before
        .filter(|it| it.it.protocol == group.it.protocol)
        .collect();
    let serves = group.health.is_some_and(|it| it.healthy > 0);
    // Nobody waits for a group that is to have no targets, or for what never served.
    let served = before
        .iter()
        .find(|it| it.health.is_none_or(|it| it.healthy > 0));
    match served {
        Some(before) if !serves && !port.targets.is_empty() => Forward {
            groups: vec![(before.it.arn.clone(), 1), (group.it.arn.clone(), 0)],
        },
        _ => only(&group.it.arn),
    }
}

fn certify(listener: &Heard, port: &WantedPort) -> Option<Step> {
    port.tls.as_ref()?;
    let arn = || listener.it.arn.clone();
    let to_be = beside_default(port);
    let are = match &listener.certificates {
        Believed::Unknown => return Some(Step::Read(Unread::Certificates(arn()))),
        Believed::Assumed => return None,
        Believed::Known(are) => are,
    };
    let missing: Vec<_> = to_be.difference(are).cloned().collect();
    // The default one, which another controller has added as well, changes nothing that a client can see.
    let is_default = |it: &&String| listener.it.certificate.as_ref() == Some(*it);
    let surplus = are.difference(&to_be).filter(|it| !is_default(it));
    let surplus: Vec<_> = surplus.cloned().collect();
    if !missing.is_empty() {
        Some(Step::AddCertificates {
            listener: arn(),
            certificates: missing,
        })
    } else if !surplus.is_empty() {
        Some(Step::RemoveCertificates {
            listener: arn(),
            certificates: surplus,
        })
    } else {
        None
    }
}
