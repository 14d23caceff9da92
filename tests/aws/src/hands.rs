//! Hands that alter things behind the provider's back: what drift is made of. They obey no rule of
//! AWS, and leave no call in the diary. Each says whether the thing was there. What alters a thing must not call the stand-in: it is held meanwhile.

use std::time::Duration;

use crate::aws::Aws;
use crate::ec2::{Instance, SecurityGroup, Subnet};
use crate::elb::{Listener, LoadBalancer, Target, TargetGroup};
use crate::state::State;
use crate::world::{Ids, Node};

impl Aws {
    pub(crate) fn state<T>(&self, act: impl FnOnce(&mut State, Duration) -> T) -> T {
        let mut core = self.shared().core();
        let now = core.clock.now();
        core.state.settle(now);
        act(&mut core.state, now)
    }

    /// Alters a load balancer. Its interfaces follow its security groups.
    pub fn alter_load_balancer(&self, arn: &str, alter: impl FnOnce(&mut LoadBalancer)) -> bool {
        self.state(|state, now| {
            let Some(it) = state.elb.load_balancers.get_mut(arn) else {
                return false;
            };
            alter(it);
            for zone in &it.zones {
                if let Some(interface) = state.ec2.interfaces.get_mut(&zone.interface) {
                    interface.groups.clone_from(&it.security_groups);
                }
            }
            state.tagging.note(arn, Some(it.tags.clone()), now);
            true
        })
    }

    /// Deletes a load balancer and its listeners, protected or not.
    pub fn delete_load_balancer(&self, arn: &str) -> bool {
        self.state(|state, now| {
            let there = state.elb.load_balancers.contains_key(arn);
            state.remove_load_balancer(arn, now);
            there
        })
    }

    /// Alters a listener.
    pub fn alter_listener(&self, arn: &str, alter: impl FnOnce(&mut Listener)) -> bool {
        self.state(|state, now| {
            let Some(mut it) = state.elb.listeners.get(arn).cloned() else {
                return false;
            };
            alter(&mut it);
            state.tagging.note(arn, Some(it.tags.clone()), now);
            state.elb.put_listener(it, now);
            true
        })
    }

    /// Deletes a listener.
    pub fn delete_listener(&self, arn: &str) -> bool {
        self.state(|state, now| {
            let there = state.elb.listeners.contains_key(arn);
            state.remove_listener(arn, now);
            there
        })
    }

    /// Alters a target group.
    pub fn alter_target_group(&self, arn: &str, alter: impl FnOnce(&mut TargetGroup)) -> bool {
        self.state(|state, now| {
            let Some(it) = state.elb.target_groups.get_mut(arn) else {
                return false;
            };
            alter(it);
            state.tagging.note(arn, Some(it.tags.clone()), now);
            true
        })
    }

    /// Deletes a target group, used or not.
    pub fn delete_target_group(&self, arn: &str) -> bool {
        self.state(|state, now| {
            let there = state.elb.target_groups.contains_key(arn);
            state.remove_target_group(arn, now);
            there
        })
    }

    /// Registers a target that may not even exist.
    pub fn add_target(&self, group: &str, id: &str, port: u16) -> bool {
        let now = self.now();
        let target = Target {
            id: id.to_owned(),
            port,
            zone: None,
            registered: now,
            draining_since: None,
            failing: false,
        };
        self.alter_target_group(group, |it| it.targets.push(target))
    }

    /// Removes a target at once, on every port.
    pub fn remove_target(&self, group: &str, id: &str) -> bool {
        self.alter_target_group(group, |it| it.targets.retain(|it| it.id != id))
    }

    /// Lets the health checks of a target fail, or succeed, on every port.
    pub fn fail_target(&self, group: &str, id: &str, failing: bool) -> bool {
        self.alter_target_group(group, |it| {
            let targets = it.targets.iter_mut().filter(|it| it.id == id);
            targets.for_each(|it| it.failing = failing);
        })
    }

    /// Sets an attribute of a load balancer, target group or listener, known to AWS or not.
    pub fn set_attribute(&self, arn: &str, key: &str, value: &str) -> bool {
        self.state(|state, _| {
            let elb = &mut state.elb;
            let attributes = if let Some(it) = elb.load_balancers.get_mut(arn) {
                &mut it.attributes
            } else if let Some(it) = elb.target_groups.get_mut(arn) {
                &mut it.attributes
            } else if let Some(it) = elb.listeners.get_mut(arn) {
                &mut it.attributes
            } else {
                return false;
            };
            attributes.insert(key.to_owned(), value.to_owned());
            true
        })
    }

    /// Sets a tag of whatever has this ARN, or identifier of EC2.
    pub fn tag(&self, id: &str, key: &str, value: &str) -> bool {
        self.retag(id, key, Some(value))
    }

    /// Removes a tag of whatever has this ARN, or identifier of EC2.
    pub fn untag(&self, id: &str, key: &str) -> bool {
        self.retag(id, key, None)
    }

    fn retag(&self, id: &str, key: &str, value: Option<&str>) -> bool {
        self.state(|state, now| {
            let is_arn = id.starts_with("arn:");
            let held = if is_arn {
                state.elb.tags(id)
            } else {
                state.ec2.tags(id)
            };
            let Some(mut tags) = held.cloned() else {
                return false;
            };
            match value {
                Some(value) => tags.insert(key.to_owned(), value.to_owned()),
                None => tags.remove(key),
            };
            if is_arn {
                state.set_elb_tags(id, tags, now);
            } else {
                state.set_ec2_tags(id, tags, now);
            }
            true
        })
    }

    /// Alters a security group, its rules included.
    pub fn alter_security_group(&self, id: &str, alter: impl FnOnce(&mut SecurityGroup)) -> bool {
        self.state(|state, now| {
            let Some(it) = state.ec2.security_groups.get_mut(id) else {
                return false;
            };
            alter(it);
            let tags = it.tags.clone();
            state.note_ec2(&format!("security-group/{id}"), Some(tags), now);
            true
        })
    }

    /// Deletes a security group, used or not.
    pub fn delete_security_group(&self, id: &str) -> bool {
        self.state(|state, now| {
            state.note_ec2(&format!("security-group/{id}"), None, now);
            state.ec2.security_groups.remove(id).is_some()
        })
    }

    /// Removes a rule from its security group.
    pub fn remove_rule(&self, id: &str) -> bool {
        self.state(|state, _| {
            let mut groups = state.ec2.security_groups.values_mut();
            groups.any(|it| {
                let before = it.rules.len();
                it.rules.retain(|it| it.id != id);
                it.rules.len() < before
            })
        })
    }

    /// Alters an instance: stops it, gives it a type that is not supported, ….
    pub fn alter_instance(&self, id: &str, alter: impl FnOnce(&mut Instance)) -> bool {
        self.state(|state, _| state.ec2.instances.get_mut(id).map(alter).is_some())
    }

    /// Removes an instance and its interfaces, as if it was terminated long ago.
    pub fn remove_instance(&self, id: &str) -> bool {
        self.state(|state, _| {
            let Some(it) = state.ec2.instances.remove(id) else {
                return false;
            };
            it.interfaces
                .iter()
                .for_each(|it| state.ec2.remove_interface(it));
            true
        })
    }

    /// Adds an instance to a world, in one of its zones, counted from 0.
    pub fn add_node(&self, ids: &Ids, zone: usize) -> Node {
        self.state(|state, _| state.add_node(ids, zone, 0))
    }

    /// Alters a subnet: its tags, how many of its addresses are free, ….
    pub fn alter_subnet(&self, id: &str, alter: impl FnOnce(&mut Subnet)) -> bool {
        self.state(|state, _| state.ec2.subnets.get_mut(id).map(alter).is_some())
    }
}
