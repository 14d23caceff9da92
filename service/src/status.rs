//! What a Service's status is to say.

use k8s_openapi::api::core::v1::{LoadBalancerIngress, PortStatus, Service, ServicePort};
use landfall_provider_api::{
    Assigned, Family, Ingress, IpMode, Outcome, PortFailure, ProviderCondition, Serving, listed,
};

use crate::marks::{PROVISIONED, SERVING, condition_of, our_conditions};
use crate::parse::{Fault, Parsed};
use crate::record::Failure;

/// Reason of [`PROVISIONED`] while the provider is at work.
const PROVISIONING: &str = "Provisioning";
/// Reason of [`SERVING`] where there is nothing that could.
const NOT_PROVISIONED: &str = "NotProvisioned";

/// Longest message of a condition, in bytes; whoever reads more of one is not helped.
const LONGEST_MESSAGE: usize = 1024;
/// Faults of one Service that are told at once.
const MOST_FAULTS: usize = 5;

/// What the status is to say of a load balancer.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// `status.loadBalancer.ingress`. `None` leaves what is there: an error never clears what
    /// still serves.
    pub ingress: Option<Vec<LoadBalancerIngress>>,
    /// The condition `landfall.dev/Provisioned`.
    pub provisioned: Condition,
    /// The condition `landfall.dev/Serving`. `None` leaves what is there: of what still serves, an
    /// error tells nothing, nor does a provider that has not looked.
    pub serving: Option<Condition>,
    /// The conditions that the provider has of its own, by type; others of ours go. `None` leaves
    /// what is there.
    pub own: Option<Vec<Own>>,
}

/// A condition that a provider has of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// Its `type`.
    pub type_: &'static str,
    /// The rest of it.
    pub condition: Condition,
    /// Whether it is to be told by an event, too.
    pub warns: bool,
}

impl Own {
    /// Whether the Service says so already.
    pub fn holds_for(&self, service: &Service) -> bool {
        self.condition.holds_for(service, self.type_)
    }
}

/// A condition but for its type and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `status`: True, False or Unknown.
    pub status: &'static str,
    /// `reason`, CamelCase.
    pub reason: &'static str,
    /// `message`.
    pub message: String,
    /// `observedGeneration`.
    pub generation: Option<i64>,
}

impl Condition {
    fn holds_for(&self, service: &Service, type_: &str) -> bool {
        condition_of(service, type_).is_some_and(|present| {
            present.status == self.status
                && present.reason == self.reason
                && present.message == self.message
                && present.observed_generation == self.generation
        })
    }
}

impl Status {
    /// The Service asks for what cannot be.
    pub(crate) fn invalid(service: &Service, faults: &[Fault]) -> Self {
        Self::without_answer(service, "Invalid", listed(faults, MOST_FAULTS, "; "))
    }

    /// The provider answered.
    pub(crate) fn of(
        service: &Service,
        parsed: &Parsed,
        result: &Result<Outcome, Failure>,
    ) -> Self {
        match result {
            Ok(Outcome::Provisioned(assigned)) => {
                let failed = failed_ports(assigned, parsed);
                Self {
                    ingress: Some(ingress(service, assigned, &failed)),
                    provisioned: provisioned(service, assigned, &failed),
                    serving: serving(service, &assigned.serving),
                    own: Some(own(service, assigned)),
                }
            }
            Ok(Outcome::Provisioning {
                assigned: None,
                message,
            }) => Self::without_answer(service, PROVISIONING, message.clone()),
            Ok(Outcome::Provisioning {
                assigned: Some(assigned),
                message,
            }) => Self {
                ingress: Some(ingress(service, assigned, &failed_ports(assigned, parsed))),
                provisioned: condition(service, "False", PROVISIONING, message.clone()),
                serving: serving(service, &assigned.serving),
                own: Some(own(service, assigned)),
            },
            Ok(Outcome::Waiting { held, lack }) => Self {
                ingress: Some(held.as_ref().map_or_else(Vec::new, |held| {
                    ingress(service, held, &failed_ports(held, parsed))
                })),
                provisioned: condition(service, "False", lack.reason, lack.message.clone()),
                serving: match held {
                    Some(held) => serving(service, &held.serving),
                    None => Some(not_provisioned(service)),
                },
                own: Some(
                    held.as_ref()
                        .map_or_else(Vec::new, |held| own(service, held)),
                ),
            },
            Err(failure) => Self::without_answer(service, failure.reason, failure.message.clone()),
        }
    }

    /// Nothing is known but why it is not provisioned. What has no address surely does not serve.
    fn without_answer(service: &Service, reason: &'static str, message: String) -> Self {
        let has_none = present_ingress(service).is_empty();
        Self {
            ingress: None,
            provisioned: condition(service, "False", reason, message),
            serving: has_none.then(|| not_provisioned(service)),
            own: None,
        }
    }

    /// The same as an answer for an earlier generation of the Service, which claims to have seen
    /// no more of it than was seen before.
    pub(crate) fn of_earlier(mut self, service: &Service) -> Self {
        let seen = condition_of(service, PROVISIONED);
        let seen = seen.and_then(|present| present.observed_generation);
        self.provisioned.generation = seen;
        if let Some(serving) = &mut self.serving {
            serving.generation = seen;
        }
        self
    }

    /// Whether the Service's status says so already.
    pub(crate) fn holds_for(&self, service: &Service) -> bool {
        let serving = self.serving.as_ref();
        self.provisioning_holds_for(service)
            && serving.is_none_or(|serving| serving.holds_for(service, SERVING))
            && self.own_hold_for(service)
    }

    fn own_hold_for(&self, service: &Service) -> bool {
        let Some(own) = &self.own else {
            return true;
        };
        own.iter().all(|own| own.holds_for(service)) && self.outlived(service).next().is_none()
    }

    /// Types of conditions that the Service bears and its provider says no more.
    pub(crate) fn outlived<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a str> {
        let own = self.own.as_deref();
        our_conditions(service).filter(move |type_| {
            let said = |own: &[Own]| own.iter().any(|own| own.type_ == *type_);
            ![PROVISIONED, SERVING].contains(type_) && own.is_some_and(|own| !said(own))
        })
    }

    /// The same with nothing but the ingress and the condition `landfall.dev/Provisioned`.
    pub fn provisioning_holds_for(&self, service: &Service) -> bool {
        let status = service.status.as_ref();
        let present = status
            .and_then(|status| status.load_balancer.as_ref()?.ingress.as_deref())
            .unwrap_or_default();
        self.ingress
            .as_deref()
            .is_none_or(|ingress| ingress == present)
            && self.provisioned.holds_for(service, PROVISIONED)
    }
}

/// What `status.loadBalancer.ingress` says now, as far as it makes sense.
pub fn present_ingress(service: &Service) -> Vec<Ingress> {
    let listed = service
        .status
        .as_ref()
        .and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref());
    let entry = |entry: &LoadBalancerIngress| match (&entry.ip, &entry.hostname) {
        (Some(ip), _) => Some(Ingress::Ip {
            address: ip.parse().ok()?,
            mode: match entry.ip_mode.as_deref() {
                Some("Proxy") => IpMode::Proxy,
                _ => IpMode::Vip,
            },
        }),
        (None, Some(name)) => Some(Ingress::Hostname(name.clone())),
        (None, None) => None,
    };
    listed.into_iter().flatten().filter_map(entry).collect()
}

pub(crate) fn condition(
    service: &Service,
    status: &'static str,
    reason: &'static str,
    mut message: String,
) -> Condition {
    if message.len() > LONGEST_MESSAGE {
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE - '…'.len_utf8()));
        message.push('…');
    }
    Condition {
        status,
        reason,
        message,
        generation: service.metadata.generation,
    }
}

fn not_provisioned(service: &Service) -> Condition {
    let message = "there is no load balancer yet".to_owned();
    condition(service, "False", NOT_PROVISIONED, message)
}

fn serving(service: &Service, serving: &Serving) -> Option<Condition> {
    let (status, reason, message) = match serving {
        Serving::Yes => ("True", "Serving", "what arrives gets through"),
        Serving::No { reason, message } => ("False", *reason, message.as_str()),
        Serving::AsBefore { .. } if says_whether_it_serves(service) => return None,
        Serving::Unknown { reason, message } | Serving::AsBefore { reason, message } => {
            ("Unknown", *reason, message.as_str())
        }
    };
    Some(condition(service, status, reason, message.to_owned()))
}

/// Whether somebody has looked how what is provisioned serves, and the status says it still. What it
/// says of something that was only being made tells nothing of what has been made.
fn says_whether_it_serves(service: &Service) -> bool {
    let has = |type_, reason| condition_of(service, type_).is_some_and(|it| it.reason == reason);
    condition_of(service, SERVING).is_some()
        && !has(SERVING, NOT_PROVISIONED)
        && !has(PROVISIONED, PROVISIONING)
}

fn own(service: &Service, assigned: &Assigned) -> Vec<Own> {
    let own = |told: &ProviderCondition| {
        let status = match told.holds {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        Own {
            type_: told.type_,
            condition: condition(service, status, told.reason, told.message.clone()),
            warns: told.warns,
        }
    };
    assigned.conditions.iter().map(own).collect()
}

fn failed_ports<'a>(assigned: &'a Assigned, parsed: &'a Parsed) -> Vec<&'a PortFailure> {
    assigned
        .failed_ports
        .iter()
        .chain(&parsed.refused)
        .collect()
}

fn provisioned(service: &Service, assigned: &Assigned, failed: &[&PortFailure]) -> Condition {
    let places: Vec<_> = assigned.ingress.iter().map(place).collect();
    let places = places.join(", ");
    if failed.is_empty() {
        let mut message = format!("traffic lands at {places}");
        if let Some(family) = lacking(service, assigned) {
            message.push_str("; there is no ");
            message.push_str(family);
            message.push_str(" address for it now");
        }
        return condition(service, "True", "Provisioned", message);
    }
    let reasons: Vec<_> = failed
        .iter()
        .map(|failure| failure.message.as_str())
        .collect();
    let reasons = reasons.join("; ");
    let ports = service
        .spec
        .iter()
        .flat_map(|spec| spec.ports.iter().flatten())
        .count();
    let message = if failed.len() < ports {
        format!("traffic lands at {places}, but not for all ports: {reasons}")
    } else {
        format!("the address is {places}, but no port is served there: {reasons}")
    };
    condition(service, "False", "PortsNotServed", message)
}

/// The family that a Service would like and has no address of; one that it requires is an error.
fn lacking<'a>(service: &'a Service, assigned: &Assigned) -> Option<&'a str> {
    let has = |name: &str| {
        assigned.ingress.iter().any(|entry| match entry {
            Ingress::Ip { address, .. } => Family::of(*address).to_string() == name,
            // A name may resolve to any.
            Ingress::Hostname(_) => true,
        })
    };
    let families = service.spec.iter().flat_map(|spec| spec.ip_families.iter());
    let mut families = families.flatten().map(String::as_str);
    families.find(|name| !has(name))
}

fn place(ingress: &Ingress) -> String {
    match ingress {
        Ingress::Ip { address, .. } => address.to_string(),
        Ingress::Hostname(name) => name.clone(),
    }
}

fn ingress(
    service: &Service,
    assigned: &Assigned,
    failed: &[&PortFailure],
) -> Vec<LoadBalancerIngress> {
    let listed = service.spec.as_ref().and_then(|spec| spec.ports.as_ref());
    let ports: Vec<_> = listed
        .into_iter()
        .flatten()
        .map(|port| port_status(port, failed))
        .collect();
    let entry = |ingress: &Ingress| {
        let (ip, ip_mode, hostname) = match ingress {
            Ingress::Ip { address, mode } => (
                Some(address.to_string()),
                Some(mode_name(*mode).to_owned()),
                None,
            ),
            Ingress::Hostname(name) => (None, None, Some(name.clone())),
        };
        LoadBalancerIngress {
            ip,
            ip_mode,
            hostname,
            ports: Some(ports.clone()),
        }
    };
    assigned.ingress.iter().map(entry).collect()
}

fn mode_name(mode: IpMode) -> &'static str {
    match mode {
        IpMode::Vip => "VIP",
        IpMode::Proxy => "Proxy",
    }
}

fn port_status(port: &ServicePort, failed: &[&PortFailure]) -> PortStatus {
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    let failure = failed.iter().find(|failure| {
        i32::from(failure.port) == port.port && failure.protocol.to_string() == protocol
    });
    PortStatus {
        port: port.port,
        protocol: protocol.to_owned(),
        error: failure.map(|failure| failure.reason.clone()),
    }
}
