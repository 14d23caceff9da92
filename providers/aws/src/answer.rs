//! What a Service is told of its load balancer. Pure.

use landfall_provider_api::{Assigned, Ingress, Outcome, ProviderCondition, Serving};

use crate::awaited;
use crate::calls::LoadBalancerState;
use crate::plan::{current, group_of};
use crate::seen::{Balancer, Health, Seen};
use crate::wanted::Wanted;

/// Type of the condition that names nodes which are not registered.
pub(crate) const TARGETS: &str = "landfall.dev/TargetsComplete";
/// Type of the condition that names annotations which are not followed.
pub(crate) const ANNOTATIONS: &str = "landfall.dev/AnnotationsFollowed";

/// Type of the condition that names what is left of who had the load balancer before.
pub(crate) const TAKEN_OVER: &str = "landfall.dev/TakenOver";

/// What there is to say besides what is seen.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Nodes that are left out, and why.
    pub(crate) left_out: Vec<String>,
    /// Annotations that are not supported.
    pub(crate) ignored: Vec<String>,
    /// How TargetGroupBindings go that are left of who had it before.
    pub(crate) bindings: Option<String>,
    /// What is still to come, and is no hindrance.
    pub(crate) waits: Option<String>,
    /// Whether this call put right what somebody else had altered.
    pub(crate) is_repaired: bool,
}

/// What `ensure` answers when it can do no more now.
pub(crate) fn outcome(wanted: &Wanted, seen: &Seen, notes: &Notes) -> Outcome {
    let Some(current) = current(wanted, seen) else {
        let message = "the load balancer is being made".to_owned();
        return Outcome::Provisioning {
            assigned: None,
            message,
        };
    };
    let mut others = seen
        .balancers
        .iter()
        .filter(|it| it.it.arn != current.it.arn);
    let before = others.next_back().filter(|_| seen.switched.is_none());
    // While another takes its place, who serves now stays in the status.
    let named = before.unwrap_or(current);
    let serving = match before {
        Some(_) => Serving::Unknown {
            reason: "Replacing",
            message: format!(
                "{} takes the place of {}, and is not ready yet",
                current.it.name, named.it.name
            ),
        },
        None => serving(wanted, seen, current),
    };
    let assigned = assigned(wanted, seen, named, serving, notes);
    if before.is_none() && current.is_active() {
        return match assigned {
            Some(assigned) => Outcome::Provisioned(assigned),
            None => Outcome::Provisioning {
                assigned: None,
                message: "AWS has not given the load balancer a name in DNS yet".to_owned(),
            },
        };
    }
    let message = notes.waits.clone().unwrap_or_else(|| {
        let name = &current.it.name;
        match &current.it.reason {
            Some(reason) => format!("AWS is making the load balancer {name}: {reason}"),
            None => format!("AWS is making the load balancer {name}"),
        }
    });
    Outcome::Provisioning { assigned, message }
}

fn assigned(
    wanted: &Wanted,
    seen: &Seen,
    named: &Balancer,
    serving: Serving,
    notes: &Notes,
) -> Option<Assigned> {
    let name = named.it.dns_name.to_lowercase();
    (!name.is_empty()).then(|| Assigned {
        ingress: vec![Ingress::Hostname(name)],
        failed_ports: Vec::new(),
        serving,
        conditions: conditions(wanted, seen, notes),
        awaited: awaited::findings(wanted, seen),
        repaired: notes.is_repaired,
    })
}

/// Whether traffic gets through: the load balancer works, and behind each listener somebody is well.
pub(crate) fn serving(wanted: &Wanted, seen: &Seen, current: &Balancer) -> Serving {
    if !current.is_active() {
        let why = match current.it.state {
            LoadBalancerState::Failed => "AWS could not make it",
            _ => "AWS is making it",
        };
        return Serving::No {
            reason: "Provisioning",
            message: format!("{} is not active: {why}", current.it.name),
        };
    }
    let (mut unknown, mut assumed) = (None, None);
    for port in &wanted.ports {
        let number = port.port;
        let group = group_of(wanted, seen, Some(current), port);
        let count = port.targets.len();
        if count == 0 {
            return Serving::No {
                reason: "NoTargets",
                message: format!("port {number} has no targets"),
            };
        }
        match group.and_then(|it| it.health) {
            Some(Health { healthy, .. }) if healthy > 0 => {}
            Some(Health { initial, .. }) if initial > 0 => {
                return Serving::No {
                    reason: "TargetsNotChecked",
                    message: format!(
                        "AWS has not found a target of port {number} to be healthy yet"
                    ),
                };
            }
            Some(_) => {
                return Serving::No {
                    reason: "TargetsUnhealthy",
                    message: format!(
                        "none of the {count} targets of port {number} passes AWS's health check: are the pods \
                         ready, and do the nodes' security groups let it in?"
                    ),
                };
            }
            None if group.is_some_and(|it| it.is_assumed) => assumed = assumed.or(Some(number)),
            None => unknown = unknown.or(Some(number)),
        }
    }
    let reason = "NotChecked";
    let message = |port| format!("the targets of port {port} were not asked yet");
    match (unknown, assumed) {
        (None, None) => Serving::Yes,
        (Some(port), _) => Serving::Unknown {
            reason,
            message: message(port),
        },
        // A process before this one may have asked.
        (None, Some(port)) => Serving::AsBefore {
            reason,
            message: message(port),
        },
    }
}

fn conditions(wanted: &Wanted, seen: &Seen, notes: &Notes) -> Vec<ProviderCondition> {
    let current = current(wanted, seen);
    let groups = wanted
        .ports
        .iter()
        .filter_map(|it| group_of(wanted, seen, current, it));
    let refused = groups.flat_map(|it| &it.refused);
    let refused = refused.map(|(id, why)| format!("{id}: {why}"));
    let mut left_out: Vec<_> = notes.left_out.iter().cloned().chain(refused).collect();
    left_out.sort();
    left_out.dedup();
    let mut conditions = Vec::new();
    if !left_out.is_empty() {
        conditions.push(ProviderCondition {
            type_: TARGETS,
            holds: Some(false),
            reason: "TargetsLeftOut",
            message: format!(
                "not registered, all others are: {}",
                some_of(&left_out, "; ")
            ),
            warns: true,
        });
    }
    if !notes.ignored.is_empty() {
        conditions.push(ProviderCondition {
            type_: ANNOTATIONS,
            holds: Some(false),
            reason: "NotSupported",
            message: format!(
                "not supported, and ignored: {}",
                some_of(&notes.ignored, ", ")
            ),
            warns: true,
        });
    }
    if let Some(removal) = &notes.bindings {
        conditions.push(ProviderCondition {
            type_: TAKEN_OVER,
            holds: Some(false),
            reason: "TargetGroupBindingsLeft",
            message: format!(
                "the load balancer is ours; TargetGroupBindings of the AWS Load Balancer Controller are left, by which \
                 it would register targets again. They go, and all targets stay, with: {removal}"
            ),
            warns: true,
        });
    }
    conditions
}

/// The first of them, and how many more there are.
fn some_of(all: &[String], between: &str) -> String {
    const MOST: usize = 10;
    let mut text = all
        .iter()
        .take(MOST)
        .cloned()
        .collect::<Vec<_>>()
        .join(between);
    if all.len() > MOST {
        text = format!("{text}{between}and {} more", all.len() - MOST);
    }
    text
}
