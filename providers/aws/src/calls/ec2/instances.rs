//! Instances and the security groups of their network interfaces.

use std::collections::BTreeSet;

use roxmltree::Node;

use super::query::Params;
use super::xml::{Element, Unreadable};
use crate::calls::actions::DESCRIBE_INSTANCES;
use crate::calls::{Calls, Priority, Result};

/// An instance (`Instance`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    /// `instanceId`
    pub(crate) id: String,
    /// `instanceState.name`: `running`, `terminated`.
    pub(crate) state: String,
    /// `vpcId`; `None` once it is terminated.
    pub(crate) vpc: Option<String>,
    /// `networkInterfaceSet`, the primary one (device 0 of card 0) first.
    pub(crate) interfaces: Vec<Interface>,
}

/// What was found of the instances that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Instances {
    /// Those that AWS knows.
    pub(crate) found: Vec<Instance>,
    /// Ids that AWS does not know, or that no instance can have, in the order of asking.
    pub(crate) unknown: Vec<String>,
}

/// A network interface of an instance (`InstanceNetworkInterface`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    /// `groupSet`: ids of its security groups.
    pub(crate) groups: Vec<String>,
}

impl Calls {
    /// Instances by their ids, and which of these AWS does not know. It asks by a filter: asked by
    /// ids, AWS refuses the whole question for one that it does not know.
    pub(crate) async fn instances(&self, priority: Priority, ids: &[String]) -> Result<Instances> {
        let (action, having) = (&DESCRIBE_INSTANCES, ("instance-id", ids));
        let params = Params::new().with("MaxResults", 1000);
        let reserved = self
            .ec2_having(action, priority, params, having, "reservationSet", |item| {
                let instances = item.items("instancesSet").map(instance);
                instances.collect::<std::result::Result<Vec<_>, _>>()
            })
            .await?;
        let found: Vec<Instance> = reserved.into_iter().flatten().collect();
        let known: BTreeSet<&str> = found.iter().map(|it| it.id.as_str()).collect();
        let unknown = ids.iter().filter(|id| !known.contains(id.as_str()));
        let unknown = unknown.cloned().collect();
        Ok(Instances { found, unknown })
    }
}

fn instance(item: Node<'_, '_>) -> std::result::Result<Instance, Unreadable> {
    let mut interfaces = item.items("networkInterfaceSet").collect::<Vec<_>>();
    interfaces.sort_by_key(|it| place(*it));
    Ok(Instance {
        id: item.required("instanceId")?,
        state: item
            .inside("instanceState")
            .map(|it| it.string_of("name"))
            .unwrap_or_default(),
        vpc: item.text_of("vpcId").map(str::to_owned),
        interfaces: interfaces.into_iter().map(interface).collect(),
    })
}

/// Card and device that an interface is: the primary one is 0 and 0.
fn place(interface: Node<'_, '_>) -> (u32, u32) {
    let attachment = interface.inside("attachment");
    let number = |name| {
        let text = attachment.and_then(|it| it.text_of(name));
        text.and_then(|it| it.parse().ok()).unwrap_or_default()
    };
    (number("networkCardIndex"), number("deviceIndex"))
}

fn interface(item: Node<'_, '_>) -> Interface {
    let groups = item.items("groupSet");
    let groups = groups.filter_map(|it| it.text_of("groupId"));
    Interface {
        groups: groups.map(str::to_owned).collect(),
    }
}
