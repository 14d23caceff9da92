//! The quotas of the account, as AWS names them.

use std::time::Duration;

use serde_json::json;

use super::listing::answer;
use crate::answer::Answer;
use crate::parameters::Parameters;
use crate::state::State;

pub(super) fn describe(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let quotas = &state.options.quotas;
    let all = [
        (
            "certificates-per-network-load-balancer",
            quotas.certificates,
        ),
        ("listeners-per-network-load-balancer", quotas.listeners),
        ("network-load-balancers", quotas.load_balancers),
        ("target-groups", quotas.target_groups),
        ("target-groups-per-action-on-network-load-balancer", 5),
        (
            "targets-per-network-load-balancer",
            quotas.targets_of_load_balancer,
        ),
        ("targets-per-target-group", quotas.targets),
    ];
    let all = all.iter().map(|it| (it.0.to_owned(), it)).collect();
    answer(
        parameters,
        "Limits",
        all,
        |(name, max)| json!({"Name": name, "Max": max.to_string()}),
    )
}
