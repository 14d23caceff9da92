//! Listeners: a port of a load balancer, and where its traffic goes.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::attributes::listener_defaults;
use super::forwarding::{Forward, default_actions};
use super::listing::{answer, check_arn, not_found, tags};
use super::protocols::{OF_LISTENERS, go_together, has_udp, one_of, port};
use super::tls::Tls;
use crate::Map;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listener {
    /// `arn:aws:elasticloadbalancing:REGION:ACCOUNT:listener/net/NAME/HEX/HEX`
    pub arn: String,
    /// The ARN of its load balancer.
    pub load_balancer: String,
    /// `TCP`, `TLS`, `UDP`, `TCP_UDP`, `QUIC` or `TCP_QUIC`.
    pub protocol: String,
    /// 1 to 65535; one listener per port, whatever its protocol.
    pub port: u16,
    /// Its default certificate, of TLS.
    pub certificate: Option<String>,
    /// Its other certificates, of TLS.
    pub certificates: BTreeSet<String>,
    /// Its security policy, of TLS.
    pub ssl_policy: Option<String>,
    /// Its ALPN policy, of TLS.
    pub alpn_policy: Option<String>,
    /// Where its traffic goes.
    pub forward: Forward,
    /// Its attributes, those with AWS's defaults included.
    pub attributes: Map,
    /// Its tags.
    pub tags: Map,
}

pub(super) fn shown(it: &Listener) -> Value {
    let certificates = it.certificate.as_ref();
    json!({
        "ListenerArn": it.arn, "LoadBalancerArn": it.load_balancer, "Protocol": it.protocol,
        "Port": it.port, "SslPolicy": it.ssl_policy, "DefaultActions": [it.forward.shown()],
        "Certificates": certificates.map(|it| vec![json!({"CertificateArn": it})]),
        "AlpnPolicy": it.alpn_policy.as_ref().map(|it| vec![it]),
    })
}

pub(super) fn create(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let owner = parameters.need("LoadBalancerArn")?.to_owned();
    state.elb.load_balancer(&owner)?;
    parameters.need("Protocol")?;
    let protocol = one_of(parameters, "Protocol", OF_LISTENERS, "")?;
    let port = port(parameters, "Port")?;
    let port = port.ok_or_else(|| Refusal::validation("A port must be specified"))?;
    let forward = default_actions(parameters)?;
    let forward =
        forward.ok_or_else(|| Refusal::validation("A default action must be specified"))?;
    let tls = Tls::of(parameters, &protocol, None, &state.elb.certificates)?;
    let hex = state.identifiers.hex16();
    let wanted = Listener {
        arn: format!("{}/{hex}", owner.replace(":loadbalancer/", ":listener/")),
        load_balancer: owner,
        attributes: listener_defaults(&protocol),
        protocol,
        port,
        certificate: tls.certificate,
        certificates: BTreeSet::new(),
        ssl_policy: tls.policy,
        alpn_policy: tls.alpn,
        forward,
        tags: tags(parameters)?,
    };
    let mut listeners = state.elb.listeners_of(&wanted.load_balancer);
    if let Some(there) = listeners.find(|it| it.port == port) {
        let same = Listener {
            arn: there.arn.clone(),
            certificates: there.certificates.clone(),
            attributes: there.attributes.clone(),
            ..wanted
        };
        if same == *there {
            return Ok(json!({"Listeners": [shown(there)]}));
        }
        let text = "A listener already exists on this port for this load balancer";
        return Err(Refusal::new("DuplicateListener", format!("{text}: {port}")));
    }
    drop(listeners);
    state.check_listener(&wanted)?;
    let count = state.elb.listeners_of(&wanted.load_balancer).count();
    if count >= state.options.quotas.listeners {
        let text = "The maximum number of listeners per load balancer has been reached";
        return Err(Refusal::new("TooManyListeners", text));
    }
    let answer = json!({"Listeners": [shown(&wanted)]});
    state
        .tagging
        .note(&wanted.arn, Some(wanted.tags.clone()), now);
    state.elb.put_listener(wanted, now);
    Ok(answer)
}

pub(super) fn modify(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let arn = parameters.need("ListenerArn")?;
    let mut it = state.elb.listener(arn)?.clone();
    let before = it.protocol.clone();
    it.protocol = one_of(parameters, "Protocol", OF_LISTENERS, &before)?;
    it.port = port(parameters, "Port")?.unwrap_or(it.port);
    if let Some(forward) = default_actions(parameters)? {
        it.forward = forward;
    }
    let tls = Tls::of(parameters, &it.protocol, Some(&it), &state.elb.certificates)?;
    it.certificate = tls.certificate;
    it.ssl_policy = tls.policy;
    it.alpn_policy = tls.alpn;
    if it.protocol != before {
        it.attributes = listener_defaults(&it.protocol);
    }
    if it.protocol != "TLS" {
        it.certificates.clear();
    }
    let mut others = state.elb.listeners_of(&it.load_balancer);
    let taken = others.any(|other| other.port == it.port && other.arn != it.arn);
    drop(others);
    if taken {
        let text = format!(
            "A listener already exists on this port for this load balancer: {}",
            it.port
        );
        return Err(Refusal::new("DuplicateListener", text));
    }
    state.check_listener(&it)?;
    let answer = json!({"Listeners": [shown(&it)]});
    state.elb.put_listener(it, now);
    Ok(answer)
}

impl State {
    /// Refuses a listener whose target groups do not suit it or its load balancer.
    fn check_listener(&self, it: &Listener) -> Result<(), Refusal> {
        let owner = self.elb.load_balancers.get(&it.load_balancer);
        let owner = owner.ok_or_else(|| not_found("loadbalancer"))?;
        for group in &it.forward.target_groups {
            check_arn(&group.arn, "targetgroup")?;
            let found = self.elb.target_groups.get(&group.arn);
            let found = found.ok_or_else(|| not_found("targetgroup"))?;
            let arn = &group.arn;
            if !go_together(&it.protocol, &found.protocol) {
                let text = format!(
                    "Target group '{arn}' with protocol {} cannot be used by a listener of protocol {}",
                    found.protocol, it.protocol
                );
                return Err(Refusal::new("IncompatibleProtocols", text));
            }
            if found.vpc != owner.vpc {
                let text = format!("Target group '{arn}' is in another VPC than the load balancer");
                return Err(Refusal::configuration(text));
            }
            if found.ip_address_type == "ipv6" && !owner.is_dualstack() {
                let text = format!(
                    "Target group '{arn}' of IP address type ipv6 needs a dualstack load balancer"
                );
                return Err(Refusal::configuration(text));
            }
            let owners = self.elb.load_balancers_of(arn);
            if owners.iter().any(|other| *other != it.load_balancer) {
                let text = format!(
                    "The following target groups cannot be associated with more than one load balancer: {arn}"
                );
                return Err(Refusal::new("TargetGroupAssociationLimit", text));
            }
        }
        if has_udp(&it.protocol) && owner.is_dualstack() && owner.source_nat != "on" {
            let text =
                "UDP listeners of a dualstack load balancer need EnablePrefixForIpv6SourceNat";
            return Err(Refusal::configuration(text));
        }
        let listeners = self.elb.listeners_of(&it.load_balancer);
        let groups = listeners
            .chain([it])
            .flat_map(|it| &it.forward.target_groups);
        let groups: BTreeSet<_> = groups.map(|it| &it.arn).collect();
        let groups = groups
            .into_iter()
            .filter_map(|it| self.elb.target_groups.get(it));
        let targets: usize = groups.map(|it| it.targets.len()).sum();
        if targets > self.options.quotas.targets_of_load_balancer {
            let text = "The maximum number of targets per load balancer has been reached";
            return Err(Refusal::new("TooManyTargets", text));
        }
        Ok(())
    }
}

pub(super) fn describe(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let arns: BTreeSet<_> = parameters.list("ListenerArns").into_iter().collect();
    let owner = parameters.get("LoadBalancerArn");
    if arns.is_empty() == owner.is_none() {
        let text = "You must specify either listener ARNs or a load balancer ARN";
        return Err(Refusal::validation(text));
    }
    let found: Vec<&Listener> = if let Some(owner) = owner {
        state.elb.load_balancer(owner)?;
        state.elb.listeners_of(owner).collect()
    } else {
        arns.iter().try_for_each(|it| check_arn(it, "listener"))?;
        let found: Option<_> = arns.iter().map(|it| state.elb.listeners.get(it)).collect();
        found.ok_or_else(|| not_found("listener"))?
    };
    let found = found.into_iter().map(|it| (it.arn.clone(), it)).collect();
    answer(parameters, "Listeners", found, shown)
}

pub(super) fn delete(state: &mut State, parameters: &Parameters, now: Duration) -> Answer {
    let arn = parameters.need("ListenerArn")?;
    state.elb.listener(arn)?;
    state.remove_listener(arn, now);
    Ok(json!({}))
}
