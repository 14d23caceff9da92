//! Every decision of the controller is a row here.

mod changing;
mod letting_go;
mod providing;
mod succeeding;

use std::collections::BTreeMap;

use super::*;
use crate::marks::PROVISIONED;
use crate::parse::parse;
use crate::record::{Attempt, Failure};
use crate::testing::{ServiceBuilder, around, capabilities, claims, service};
use landfall_provider_api::{Assigned, Ingress, IpMode, Outcome, Retry, Serving};
use serde_json::json;

const A: &str = "example.com/a";
const B: &str = "example.com/b";
const NOW: &str = "2026-03-01T12:00:00Z";

/// A step in a word or two.
fn short(step: &Step) -> String {
    match step {
        Step::Rest => "rest".into(),
        Step::Soon => "soon".into(),
        Step::Later(after) => format!("later {}s", after.as_secs()),
        Step::Ensure { class, .. } => format!("ensure {class}"),
        Step::Release { class, id } => format!("release {class} {}", id.service_uid),
        Step::Write(Write::Claim(class)) => format!("claim {class}"),
        Step::Write(Write::HandOver) => "hand over".into(),
        Step::Write(Write::LetGo(None)) => "let go".into(),
        Step::Write(Write::LetGo(Some(left))) => format!("let go with {left}"),
        Step::Write(Write::Succeed(left)) => format!("remove {left}"),
        Step::Write(Write::Publish(_, status)) => {
            format!("publish {}", status.provisioned.reason)
        }
    }
}

fn next(service: Option<ServiceBuilder>, record: &Record) -> String {
    next_of(&claims(&[(A, true), (B, false)]), service, record)
}

fn next_of(claims: &Claims, service: Option<ServiceBuilder>, record: &Record) -> String {
    let service = service.map(Service::from);
    let world = World {
        claims,
        around: &around(),
        now: NOW.parse().unwrap(),
    };
    short(&plan(service.as_ref(), record, &world))
}

fn holding(uid: &str, classes: &[&str]) -> Record {
    let mut record = Record::default();
    let tenure = record.tenure_mut(uid);
    tenure.holders = classes.iter().map(|class| Class::new(*class)).collect();
    tenure.ours = true;
    record
}

/// A asked for what the Service wants, with this answer.
fn answered(service: ServiceBuilder, result: Result<Outcome, Failure>) -> Record {
    let service = service.into();
    let parsed = parse(&service, &capabilities(), &around()).unwrap();
    let mut record = holding(uid_of(&service), &[A]);
    record.tenure_mut(uid_of(&service)).attempt = Some(Attempt {
        class: Class::new(A),
        wanted: parsed.wanted,
        result,
        stale: false,
    });
    record
}

fn provisioned() -> Outcome {
    Outcome::Provisioned(Assigned {
        ingress: vec![Ingress::Ip {
            address: "192.0.2.1".parse().unwrap(),
            mode: IpMode::Proxy,
        }],
        failed_ports: Vec::new(),
        serving: Serving::Yes,
        conditions: Vec::new(),
        awaited: BTreeMap::new(),
        repaired: false,
    })
}

fn unserved() -> Outcome {
    let Outcome::Provisioned(assigned) = provisioned() else {
        unreachable!("it is provisioned")
    };
    Outcome::Provisioned(Assigned {
        serving: Serving::No {
            reason: "NoTargets",
            message: "there is no target".into(),
        },
        ..assigned
    })
}

fn failed() -> Failure {
    Failure {
        reason: "ProviderUnavailable",
        message: "no answer".into(),
        retry: Retry::BackOff,
    }
}

fn published() -> ServiceBuilder {
    service()
        .marked(A)
        .condition("True", "Provisioned", "traffic lands at 192.0.2.1")
        .serving("True", "Serving", "what arrives gets through")
        .ingress(&json!([{"ip": "192.0.2.1", "ipMode": "Proxy", "ports": [{"port": 80, "protocol": "TCP"}]}]))
}

/// Rows of what a Service does or is, the Service, what is remembered of it, and the step.
fn check<'a>(table: impl IntoIterator<Item = (&'a str, ServiceBuilder, Record, &'a str)>) {
    for (what, service, record, expected) in table {
        assert_eq!(
            next(Some(service), &record),
            expected,
            "a Service that {what}"
        );
    }
}
