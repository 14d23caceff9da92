//! Steps on load balancers.

use std::time::Instant;

use super::{Act, know};
use crate::calls::{Arn, Attributes, Result, Which};
use crate::plan::Step;
use crate::seen::{Balancer, Believed, Seen};

impl Act<'_> {
    pub(super) async fn on_balancer(&self, step: Step, seen: &mut Seen) -> Result<()> {
        let Self { calls, priority } = *self;
        match step {
            Step::MakeBalancer(new) => {
                let made = calls.create_load_balancer(priority, &new).await?;
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
