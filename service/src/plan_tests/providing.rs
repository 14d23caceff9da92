//! Services that we claim.

use super::*;

#[test]
fn a_service_that_we_claim() {
    let nothing = Record::default();
    let table = [
        ("is new", service(), nothing.clone(), "claim example.com/a"),
        (
            "was claimed",
            service().marked(A),
            nothing.clone(),
            "ensure example.com/a",
        ),
        (
            "is of another class of ours",
            service().class(B).marked(B),
            nothing.clone(),
            "ensure example.com/b",
        ),
        (
            "lost its finalizer",
            service().marked(A).without_finalizer(),
            nothing.clone(),
            "claim example.com/a",
        ),
        (
            "has only a finalizer",
            service().with_finalizer(),
            nothing.clone(),
            "claim example.com/a",
        ),
        (
            "came back to us",
            service()
                .marked(A)
                .condition("False", "HandedOver", "another"),
            nothing.clone(),
            "claim example.com/a",
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
            service().marked(A),
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
            service().marked(A),
            answered(service(), Err(failed())),
            "publish ProviderUnavailable",
        ),
        (
            "could not be provided, and says so",
            service()
                .marked(A)
                .condition("False", "ProviderUnavailable", "no answer")
                .serving("False", "NotProvisioned", "there is no load balancer yet"),
            answered(service(), Err(failed())),
            "rest",
        ),
        (
            "asks for what cannot be",
            service().marked(A).spec("loadBalancerIP", json!("bad")),
            nothing.clone(),
            "publish Invalid",
        ),
        (
            "lost its finalizer when all was well",
            published().without_finalizer(),
            answered(service(), Ok(provisioned())),
            "claim example.com/a",
        ),
        (
            "is new and asks for what cannot be",
            service().spec("loadBalancerIP", json!("bad")),
            nothing.clone(),
            "publish Invalid",
        ),
        (
            "serves no longer",
            published(),
            answered(service(), Ok(unserved())),
            "publish Provisioned",
        ),
        (
            "moved between our providers and was released by the first",
            service().class(B).marked(A),
            nothing.clone(),
            "claim example.com/b",
        ),
        (
            "moved between our providers",
            service().class(B).marked(A),
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
fn without_effects_outside_finalizer_and_status_are_one_write() {
    let mut able = capabilities();
    able.outside_effects = false;
    let claims = Claims::new(vec![Claim {
        class: Class::new(A),
        default: true,
        predecessor: None,
        aside: false,
        capabilities: able,
    }]);
    let next = |record: &Record| next_of(&claims, Some(service()), record);
    assert_eq!(next(&Record::default()), "ensure example.com/a");
    let record = answered(service(), Ok(provisioned()));
    assert_eq!(next(&record), "publish Provisioned");
    let object: Service = service().into();
    let world = World {
        claims: &claims,
        around: &around(),
        now: NOW.parse().unwrap(),
    };
    let Step::Write(write) = plan(Some(&object), &record, &world) else {
        panic!("a write")
    };
    let patch = crate::patch(&object, &write, world.now);
    assert_eq!(patch["metadata"]["finalizers"], json!([crate::FINALIZER]));
    assert_eq!(patch["metadata"]["annotations"], json!({ crate::CLASS: A }));
    assert_eq!(patch["status"]["conditions"].as_array().unwrap().len(), 2);
    assert_eq!(
        patch["status"]["loadBalancer"]["ingress"][0]["ip"],
        "192.0.2.1"
    );
}

#[test]
fn a_failure_clears_nothing_that_serves() {
    let object: Service = published().into();
    let parsed = parse(&object, &capabilities(), &around()).unwrap();
    let status = Status::of(&object, &parsed, &Err(failed()));
    assert_eq!(status.ingress, None);
    assert_eq!(status.provisioned.status, "False");
    let publish = Write::Publish(Class::new(A), Box::new(status));
    let patch = crate::patch(&object, &publish, NOW.parse().unwrap());
    let conditions = patch["status"]["conditions"].as_array().unwrap();
    assert_eq!(conditions.len(), 1, "of Serving nothing is known");
    assert_eq!(conditions[0]["type"], PROVISIONED);
    assert!(patch["status"].get("loadBalancer").is_none());
}

#[test]
fn the_status_names_every_port_and_what_is_wrong_with_it() {
    let two = json!([
        {"name": "a", "port": 80, "protocol": "TCP", "nodePort": 30080},
        {"name": "b", "port": 53, "protocol": "UDP", "nodePort": 30053},
    ]);
    let object: Service = service().uid("uid-1").spec("ports", two).into();
    let parsed = parse(&object, &capabilities(), &around()).unwrap();
    let status = Status::of(&object, &parsed, &Ok(provisioned()));
    assert_eq!(
        serde_json::to_value(&status.ingress).unwrap(),
        json!([{"ip": "192.0.2.1", "ipMode": "Proxy", "ports": [
            {"port": 80, "protocol": "TCP"},
            {"port": 53, "protocol": "UDP", "error": "landfall.dev/ProtocolNotSupported"},
        ]}])
    );
    assert_eq!(status.provisioned.reason, "PortsNotServed");
}

#[test]
fn a_family_that_is_lacking_is_named() {
    let object: Service = service()
        .spec("ipFamilies", json!(["IPv4", "IPv6"]))
        .spec("ipFamilyPolicy", json!("PreferDualStack"))
        .into();
    let parsed = parse(&object, &capabilities(), &around()).unwrap();
    let status = Status::of(&object, &parsed, &Ok(provisioned()));
    assert_eq!(status.provisioned.status, "True");
    assert_eq!(
        status.provisioned.message,
        "traffic lands at 192.0.2.1; there is no IPv6 address for it now"
    );
}

/// The same of a provider that has not looked yet.
fn unseen() -> Outcome {
    let Outcome::Provisioned(assigned) = provisioned() else {
        unreachable!("it is provisioned")
    };
    Outcome::Provisioned(Assigned {
        serving: Serving::AsBefore {
            reason: "NotChecked",
            message: "nobody was asked yet".into(),
        },
        ..assigned
    })
}

#[test]
fn until_the_provider_has_looked_the_status_says_what_it_said_before() {
    let lands = "traffic lands at 192.0.2.1";
    let rows = [
        ("serves", published(), "rest"),
        (
            "serves not",
            published().serving("False", "TargetsUnhealthy", "none is well"),
            "rest",
        ),
        (
            "says already that nobody looked",
            published().serving("Unknown", "NotChecked", "nobody was asked yet"),
            "rest",
        ),
        (
            "does not say whether it serves",
            published().condition("True", "Provisioned", lands),
            "publish Provisioned",
        ),
        (
            "had nothing when somebody looked",
            published().serving("False", "NotProvisioned", "there is no load balancer yet"),
            "publish Provisioned",
        ),
        (
            "was being made when somebody looked",
            published()
                .condition("False", "Provisioning", "the backend is at work")
                .serving("False", "Provisioning", "it is being made"),
            "publish Provisioned",
        ),
    ];
    let record = || answered(service(), Ok(unseen()));
    check(rows.map(|(what, service, step)| (what, service, record(), step)));
}

#[test]
fn of_what_nobody_has_ever_looked_at_nothing_is_known() {
    let object: Service = service().marked(A).into();
    let parsed = parse(&object, &capabilities(), &around()).unwrap();
    let status = Status::of(&object, &parsed, &Ok(unseen()));
    let serving = status.serving.unwrap();
    assert_eq!((serving.status, serving.reason), ("Unknown", "NotChecked"));
}
