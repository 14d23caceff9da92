//! Every decision of the controller is a row here.

use super::*;
use crate::marks::PROVISIONED;
use crate::parse::parse;
use crate::record::{Attempt, Failure};
use crate::testing::{ServiceBuilder, capabilities, claims, cluster, nodes, service};
use landfall_provider_api::{Assigned, Ingress, IpMode, Outcome, Retry};
use serde_json::json;

const A: &str = "example.com/a";
const B: &str = "example.com/b";
const NOW: &str = "2026-03-01T12:00:00Z";

/// A step in a word or two.
fn short(step: &Step) -> String {
    match step {
        Step::Rest => "rest".into(),
        Step::Later(after) => format!("later {}s", after.as_secs()),
        Step::Ensure { class, .. } => format!("ensure {class}"),
        Step::Release { class, id } => format!("release {class} {}", id.service_uid),
        Step::Write(Write::Claim) => "claim".into(),
        Step::Write(Write::HandOver) => "hand over".into(),
        Step::Write(Write::LetGo) => "let go".into(),
        Step::Write(Write::Publish(status)) => format!("publish {}", status.condition.reason),
    }
}

fn next(service: Option<ServiceBuilder>, record: &Record) -> String {
    let service = service.map(Service::from);
    let world = World {
        cluster: &cluster(),
        claims: &claims(&[(A, true), (B, false)]),
        nodes: &nodes(),
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
    let parsed = parse(&service, &cluster(), &capabilities(), &nodes()).unwrap();
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
        .ours()
        .condition("True", "Provisioned", "traffic lands at 192.0.2.1")
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

#[test]
fn a_service_that_we_claim() {
    let nothing = Record::default();
    let table = [
        ("is new", service(), nothing.clone(), "claim"),
        (
            "was claimed",
            service().ours(),
            nothing.clone(),
            "ensure example.com/a",
        ),
        (
            "is of another class of ours",
            service().class(B).ours(),
            nothing.clone(),
            "ensure example.com/b",
        ),
        (
            "lost its finalizer",
            service().ours().without_finalizer(),
            nothing.clone(),
            "claim",
        ),
        (
            "has only a finalizer",
            service().with_finalizer(),
            nothing.clone(),
            "claim",
        ),
        (
            "came back to us",
            service().ours().condition("False", "HandedOver", "another"),
            nothing.clone(),
            "claim",
        ),
    ];
    check(table);
}

#[test]
fn a_service_that_we_claim_and_were_answered_for() {
    let nothing = Record::default();
    let table = [
        (
            "was provided",
            service().ours(),
            answered(service(), Ok(provisioned())),
            "publish Provisioned",
        ),
        (
            "is as it should be",
            published(),
            answered(service(), Ok(provisioned())),
            "rest",
        ),
        (
            "had its status cleared",
            published().ingress(&json!([])),
            answered(service(), Ok(provisioned())),
            "publish Provisioned",
        ),
        (
            "is of another generation",
            published().generation(2),
            answered(service(), Ok(provisioned())),
            "publish Provisioned",
        ),
        (
            "changed a port",
            published().spec(
                "ports",
                json!([{"port": 81, "protocol": "TCP", "nodePort": 30080}]),
            ),
            answered(service(), Ok(provisioned())),
            "ensure example.com/a",
        ),
        (
            "changed what no provider looks at",
            published().spec("selector", json!({"app": "other"})),
            answered(service(), Ok(provisioned())),
            "rest",
        ),
        (
            "could not be provided",
            service().ours(),
            answered(service(), Err(failed())),
            "publish ProviderUnavailable",
        ),
        (
            "could not be provided, and says so",
            service()
                .ours()
                .condition("False", "ProviderUnavailable", "no answer"),
            answered(service(), Err(failed())),
            "rest",
        ),
        (
            "asks for what cannot be",
            service().ours().spec("loadBalancerIP", json!("bad")),
            nothing.clone(),
            "publish Invalid",
        ),
        (
            "moved between our providers",
            service().class(B).ours(),
            holding("uid-1", &[A, B]),
            "release example.com/a uid-1",
        ),
    ];
    check(table);
}

#[test]
fn a_stale_answer_is_asked_for_again() {
    let mut record = answered(service(), Ok(provisioned()));
    record.tenure_mut("uid-1").attempt.as_mut().unwrap().stale = true;
    assert_eq!(next(Some(published()), &record), "ensure example.com/a");
}

#[test]
fn a_service_that_we_do_not_claim() {
    let nothing = Record::default();
    let deleted = |service: ServiceBuilder| service.terminating_since("2026-03-01T11:59:00Z");
    let foreign = || service().class("example.com/x");
    let handed_over = || foreign().ours().condition("False", "HandedOver", "another");
    let table = [
        ("was never ours", foreign(), nothing.clone(), "rest"),
        (
            "has another's finalizer of the same name",
            foreign().with_finalizer(),
            nothing.clone(),
            "rest",
        ),
        (
            "is no load balancer",
            service().of_type("ClusterIP"),
            nothing.clone(),
            "rest",
        ),
        (
            "was never ours and is terminating",
            deleted(service()),
            nothing.clone(),
            "rest",
        ),
        (
            "is terminating with another's finalizer",
            deleted(service().with_finalizer()),
            nothing.clone(),
            "rest",
        ),
        (
            "was deleted",
            deleted(published()),
            holding("uid-1", &[A]),
            "release example.com/a uid-1",
        ),
        (
            "was deleted and released",
            deleted(published()),
            holding("uid-1", &[]),
            "let go",
        ),
        (
            "was deleted, of type LoadBalancer no longer, and cannot be parsed",
            deleted(published().of_type("ClusterIP").spec("ports", json!([]))),
            holding("uid-1", &[A]),
            "release example.com/a uid-1",
        ),
        (
            "changed its type",
            service().ours().of_type("ClusterIP"),
            holding("uid-1", &[A]),
            "release example.com/a uid-1",
        ),
        (
            "changed its type and was released",
            service().ours().of_type("ClusterIP"),
            holding("uid-1", &[]),
            "let go",
        ),
        (
            "changed its type and lost our condition",
            service().with_finalizer().of_type("ClusterIP"),
            holding("uid-1", &[]),
            "let go",
        ),
        (
            "went to another",
            foreign().ours(),
            holding("uid-1", &[A]),
            "release example.com/a uid-1",
        ),
        (
            "went to another and was released",
            foreign().ours(),
            holding("uid-1", &[]),
            "hand over",
        ),
        ("was handed over", handed_over(), nothing.clone(), "rest"),
        (
            "was handed over and deleted",
            deleted(handed_over()),
            nothing.clone(),
            "later 240s",
        ),
        (
            "was handed over and deleted long ago",
            handed_over().terminating_since("2026-03-01T11:55:00Z"),
            nothing.clone(),
            "let go",
        ),
    ];
    check(table);
}

#[test]
fn a_predecessor_of_the_same_name_goes_first() {
    let record = holding("uid-0", &[A]);
    assert_eq!(next(None, &record), "release example.com/a uid-0");
    assert_eq!(
        next(Some(service()), &record),
        "release example.com/a uid-0"
    );
    assert_eq!(next(Some(service()), &holding("uid-0", &[])), "claim");
}

#[test]
fn after_a_restart_whoever_may_hold_something_is_asked() {
    let claims = claims(&[(A, true), (B, false)]);
    let met = |service: ServiceBuilder, owned: &[&str]| {
        let mut record = Record::default();
        let owned = owned.iter().map(|class| Class::new(*class)).collect();
        record.meet(&service.into(), owned, &claims);
        record
    };
    let gone = || published().terminating_since("2026-03-01T11:59:00Z");
    assert_eq!(
        next(Some(gone()), &met(gone(), &[B])),
        "release example.com/b uid-1"
    );
    assert_eq!(
        next(Some(gone()), &met(gone(), &[])),
        "release example.com/a uid-1"
    );
    let stripped = || {
        service()
            .with_finalizer()
            .terminating_since("2026-03-01T11:59:00Z")
    };
    assert_eq!(
        next(Some(stripped()), &met(stripped(), &[A])),
        "release example.com/a uid-1"
    );
    assert_eq!(next(Some(stripped()), &met(stripped(), &[])), "rest");
}

#[test]
fn a_failure_clears_nothing_that_serves() {
    let object: Service = published().into();
    let parsed = parse(&object, &cluster(), &capabilities(), &nodes()).unwrap();
    let status = Status::of(&object, &parsed, &Err(failed()));
    assert_eq!(status.ingress, None);
    assert!(!status.condition.holds);
    let patch = crate::patch(&object, &Write::Publish(status), NOW.parse().unwrap());
    assert_eq!(patch["status"]["conditions"][0]["type"], PROVISIONED);
    assert!(patch["status"].get("loadBalancer").is_none());
}

#[test]
fn the_status_names_every_port_and_what_is_wrong_with_it() {
    let two = json!([
        {"name": "a", "port": 80, "protocol": "TCP", "nodePort": 30080},
        {"name": "b", "port": 53, "protocol": "UDP", "nodePort": 30053},
    ]);
    let object: Service = service().uid("uid-1").spec("ports", two).into();
    let parsed = parse(&object, &cluster(), &capabilities(), &nodes()).unwrap();
    let status = Status::of(&object, &parsed, &Ok(provisioned()));
    assert_eq!(
        serde_json::to_value(&status.ingress).unwrap(),
        json!([{"ip": "192.0.2.1", "ipMode": "Proxy", "ports": [
            {"port": 80, "protocol": "TCP"},
            {"port": 53, "protocol": "UDP", "error": "landfall.dev/ProtocolNotSupported"},
        ]}])
    );
    assert_eq!(status.condition.reason, "PortsNotServed");
}
