//! Words that parameters may be, and which protocols go together.

use crate::answer::Refusal;
use crate::parameters::Parameters;

/// Protocols of listeners of a Network Load Balancer.
pub(super) const OF_LISTENERS: &[&str] = &["TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"];

/// Protocols of target groups; those of Application Load Balancers among them.
pub(super) const OF_GROUPS: &[&str] = &[
    "TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC", "HTTP", "HTTPS",
];

/// Whether a listener of the first may forward to a target group of the second.
pub(super) fn go_together(listener: &str, group: &str) -> bool {
    match listener {
        "TCP" => ["TCP", "TCP_UDP", "TCP_QUIC"].contains(&group),
        "TLS" => ["TCP", "TLS"].contains(&group),
        "UDP" => ["UDP", "TCP_UDP"].contains(&group),
        "QUIC" => ["QUIC", "TCP_QUIC"].contains(&group),
        other => other == group,
    }
}

/// Whether it carries UDP.
pub(super) fn has_udp(protocol: &str) -> bool {
    ["UDP", "TCP_UDP", "QUIC", "TCP_QUIC"].contains(&protocol)
}

/// A parameter that must be one of some words.
pub(super) fn one_of(
    parameters: &Parameters,
    name: &str,
    words: &[&str],
    default: &str,
) -> Result<String, Refusal> {
    let given = parameters.get(name).unwrap_or(default);
    if words.contains(&given) || parameters.get(name).is_none() {
        return Ok(given.to_owned());
    }
    let list = words.join(", ");
    let text = format!("'{given}' is no value for {name}: it must be one of {list}");
    Err(Refusal::validation(text))
}

/// A port, 1 to 65535.
pub(super) fn port(parameters: &Parameters, name: &str) -> Result<Option<u16>, Refusal> {
    match parameters.number::<u16>(name)? {
        Some(0) => Err(Refusal::validation(format!(
            "{name} must be between 1 and 65535"
        ))),
        port => Ok(port),
    }
}
