//! Steps on load balancers.

use std::time::Instant;

use super::{Act, know};
use crate::calls::{Arn, Attributes, LoadBalancer, Result, SubnetMapping, Which, ZoneAddress};
use crate::plan::Step;
use crate::seen::{Balancer, Believed, Seen};

impl Act<'_> {
    pub(super) async fn on_balancer(&self, step: Step, seen: &mut Seen) -> Result<()> {
        let Self { calls, priority } = *self;
        match step {
            Step::MakeBalancer(new) => {
                let mut made = calls.create_load_balancer(priority, &new).await?;
                keep_addresses(&mut made, &new.subnets);
                let mut balancer = Balancer::new(made, new.tags.clone());
                balancer.attributes = Believed::Known(Attributes::new());
                balancer.capacity = Believed::Known(None);
                seen.switched = None;
                seen.balancers.retain(|it| it.it.arn != balancer.it.arn);
                seen.balancers.push(balancer);
            }
            Step::SetAddressType { balancer, to } => {
                calls.set_address_type(priority, &balancer, &to).await?;
                if let Some(balancer) = seen.balancer(&balancer) {
                    balancer.it.address_type = to;
                }
            }
            Step::SetSubnets {
                balancer,
                mappings,
                address_type,
                source_nat,
            } => {
                let kind = Some(&address_type);
                let set = calls.set_subnets(priority, &balancer, &mappings, kind, source_nat);
                set.await?;
                self.reread(&balancer, seen).await?;
            }
            Step::SetGroups {
                balancer,
                groups,
                private_link,
            } => {
                let set = calls.set_security_groups(priority, &balancer, &groups, private_link);
                set.await?;
                if let Some(balancer) = seen.balancer(&balancer) {
                    balancer.it.security_groups = groups;
                    balancer.it.enforce_private_link =
                        private_link.or(balancer.it.enforce_private_link);
                }
            }
            Step::SetAttributes {
                balancer,
                attributes,
            } => {
                let set = calls.modify_load_balancer_attributes(priority, &balancer, &attributes);
                set.await?;
                if let Some(balancer) = seen.balancer(&balancer) {
                    know(&mut balancer.attributes, attributes);
                }
            }
            Step::SetCapacity { balancer, units } => {
                calls.set_capacity(priority, &balancer, units).await?;
                if let Some(balancer) = seen.balancer(&balancer) {
                    balancer.capacity = Believed::Known(units);
                }
            }
            Step::RemoveBalancer(arn) => {
                calls.delete_load_balancer(priority, &arn).await?;
                seen.forget_balancer(&arn);
            }
            Step::Switch => seen.switched = Some(Instant::now()),
            _ => unreachable!("`take` gives it steps of load balancers only"),
        }
        Ok(())
    }

    /// Where a load balancer stands, AWS says in its own words.
    async fn reread(&self, arn: &Arn, seen: &mut Seen) -> Result<()> {
        let arns = [arn.clone()];
        let which = Which::Arns(&arns);
        let read = self.calls.load_balancers(self.priority, which).await?;
        match (read.into_iter().next(), seen.balancer(arn)) {
            (Some(read), Some(balancer)) => balancer.it = read,
            _ => seen.forget_balancer(arn),
        }
        Ok(())
    }
}

/// Addresses that were asked for are those that it has, whether AWS says so yet or not.
fn keep_addresses(made: &mut LoadBalancer, asked: &[SubnetMapping]) {
    for zone in made.zones.iter_mut().filter(|it| it.addresses.is_empty()) {
        let asked = asked.iter().find(|it| it.subnet == zone.subnet);
        zone.addresses.extend(asked.map(|it| ZoneAddress {
            allocation: it.allocation.clone(),
            private_ipv4: it.private_ipv4.clone(),
            ipv6: it.ipv6.clone(),
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::{AddressType, LoadBalancerState, Zone};

    #[test]
    fn addresses_that_aws_does_not_tell_yet_are_those_that_were_asked_for() {
        let zone = |subnet: &str, told: Vec<ZoneAddress>| Zone {
            name: format!("zone of {subnet}"),
            subnet: subnet.into(),
            addresses: told,
            source_nat_ipv6_prefixes: Vec::new(),
        };
        let told = ZoneAddress {
            allocation: Some("eipalloc-told".into()),
            ..ZoneAddress::default()
        };
        let mut made = LoadBalancer {
            arn: "arn:aws:elasticloadbalancing:r:1:loadbalancer/net/web/0"
                .parse()
                .unwrap(),
            name: "web".into(),
            dns_name: String::new(),
            hosted_zone: None,
            network: true,
            scheme: None,
            vpc: "vpc-1".into(),
            state: LoadBalancerState::Provisioning,
            reason: None,
            address_type: AddressType::Ipv4,
            zones: vec![
                zone("subnet-1", Vec::new()),
                zone("subnet-2", vec![told.clone()]),
            ],
            security_groups: Vec::new(),
            enforce_private_link: None,
            prefix_for_ipv6_source_nat: None,
        };
        let asked = |subnet: &str, allocation: &str| SubnetMapping {
            subnet: subnet.into(),
            allocation: Some(allocation.into()),
            ..SubnetMapping::default()
        };
        let asked = [
            asked("subnet-2", "eipalloc-2"),
            asked("subnet-1", "eipalloc-1"),
        ];
        keep_addresses(&mut made, &asked);
        let first = made.zones[0].addresses[0].allocation.as_deref();
        assert_eq!(first, Some("eipalloc-1"));
        assert_eq!(made.zones[1].addresses, [told]);
    }
}
