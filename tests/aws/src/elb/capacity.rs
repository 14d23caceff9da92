//! Capacity that is reserved for a load balancer.

use std::time::Duration;

use serde_json::{Value, json};

use super::load_balancers::LoadBalancer;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

fn shown(it: &LoadBalancer) -> Value {
    let zones = it.zones.iter().filter(|_| it.capacity.is_some());
    let zones: Vec<_> = zones
        .map(|zone| {
            json!({
                "AvailabilityZone": zone.name, "EffectiveCapacityUnits": it.capacity,
                "State": {"Code": "provisioned"},
            })
        })
        .collect();
    json!({
        "MinimumLoadBalancerCapacity": it.capacity.map(|it| json!({"CapacityUnits": it})),
        "DecreaseRequestsRemaining": 2, "CapacityReservationState": zones,
    })
}

pub(super) fn describe(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let arn = parameters.need("LoadBalancerArn")?;
    Ok(shown(state.elb.load_balancer(arn)?))
}

pub(super) fn modify(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let arn = parameters.need("LoadBalancerArn")?;
    let it = state.elb.load_balancer(arn)?;
    let units = parameters.number::<u32>("MinimumLoadBalancerCapacity.CapacityUnits")?;
    if it.state(now) == "provisioning" {
        let text = "The capacity of a load balancer that is provisioning cannot be modified";
        return Err(Refusal::new("PriorRequestNotComplete", text));
    }
    it.capacity = match (parameters.get("ResetCapacityReservation"), units) {
        (Some("true"), None) => None,
        (Some("true"), Some(_)) | (_, None) => {
            let text = "Specify either MinimumLoadBalancerCapacity or ResetCapacityReservation";
            return Err(Refusal::validation(text));
        }
        (_, units) => units,
    };
    Ok(shown(it))
}
