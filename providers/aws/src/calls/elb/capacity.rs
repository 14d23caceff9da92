//! Capacity that is reserved for load balancers.

use aws_sdk_elasticloadbalancingv2::types::MinimumLoadBalancerCapacity;
use futures::TryFutureExt;

use super::sdk::{failure, number, signed};
use crate::calls::actions::{DESCRIBE_CAPACITY_RESERVATION, MODIFY_CAPACITY_RESERVATION};
use crate::calls::{Arn, Calls, Priority, Result};

/// Capacity that is reserved for a load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// `MinimumLoadBalancerCapacity.CapacityUnits`; `None` if nothing is reserved.
    pub(crate) units: Option<u32>,
}

impl Calls {
    /// Reserves capacity; `None` gives it back.
    pub(crate) async fn set_capacity(
        &self,
        priority: Priority,
        arn: &Arn,
        units: Option<u32>,
    ) -> Result<()> {
        let request = self
            .0
            .elb
            .modify_capacity_reservation()
            .load_balancer_arn(arn.as_str());
        let capacity = MinimumLoadBalancerCapacity::builder();
        let request = match units {
            Some(units) => request
                .minimum_load_balancer_capacity(capacity.capacity_units(signed(units)).build()),
            None => request.reset_capacity_reservation(true),
        };
        self.call(&MODIFY_CAPACITY_RESERVATION, priority, arn.as_str(), || {
            request.clone().send().map_err(failure)
        })
        .await
        .map(drop)
    }

    /// The capacity that is reserved.
    pub(crate) async fn capacity(&self, priority: Priority, arn: &Arn) -> Result<Capacity> {
        let request = self
            .0
            .elb
            .describe_capacity_reservation()
            .load_balancer_arn(arn.as_str());
        let answer = self
            .call(
                &DESCRIBE_CAPACITY_RESERVATION,
                priority,
                arn.as_str(),
                || request.clone().send().map_err(failure),
            )
            .await?;
        let reserved = answer.minimum_load_balancer_capacity();
        Ok(Capacity {
            units: reserved
                .and_then(MinimumLoadBalancerCapacity::capacity_units)
                .map(number),
        })
    }
}
