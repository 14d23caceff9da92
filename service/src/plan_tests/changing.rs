//! Services that we claim, where something changed while they were provided.

use super::*;

/// The same, asked for when there were no nodes yet.
fn before_nodes_came(mut record: Record) -> Record {
    let attempt = record.tenure_mut("uid-1").attempt.as_mut().unwrap();
    attempt.wanted.nodes = Vec::new().into();
    record
}

fn stale(mut record: Record) -> Record {
    record.tenure_mut("uid-1").attempt.as_mut().unwrap().stale = true;
    record
}

/// A failure that nothing but a change helps.
fn for_good() -> Failure {
    Failure {
        reason: "Invalid",
        retry: Retry::WhenChanged,
        ..failed()
    }
}

/// A failure that names the time when to try again.
fn throttled() -> Failure {
    Failure {
        reason: "Throttled",
        retry: Retry::After(Duration::from_secs(30)),
        ..failed()
    }
}

fn says(reason: &str) -> ServiceBuilder {
    service()
        .marked(A)
        .condition("False", reason, "no answer")
        .serving("False", "NotProvisioned", "there is no load balancer yet")
}

#[test]
fn what_came_of_an_attempt_is_told_though_the_nodes_have_changed_since() {
    let table = [
        (
            "could not be provided",
            service().marked(A),
            before_nodes_came(answered(service(), Err(failed()))),
            "publish ProviderUnavailable",
        ),
        (
            "could not be provided, says so, and is tried again soon",
            says("ProviderUnavailable"),
            before_nodes_came(answered(service(), Err(failed()))),
            "soon",
        ),
        (
            "could not be provided, says so, and the nodes are the same",
            says("ProviderUnavailable"),
            answered(service(), Err(failed())),
            "rest",
        ),
        (
            "was throttled, says so, and waits as long as it was told",
            says("Throttled"),
            before_nodes_came(answered(service(), Err(throttled()))),
            "rest",
        ),
        (
            "could not be provided, says so, and the time has come",
            says("ProviderUnavailable"),
            stale(before_nodes_came(answered(service(), Err(failed())))),
            "ensure example.com/a",
        ),
        (
            "was refused until something changes",
            service().marked(A),
            before_nodes_came(answered(service(), Err(for_good()))),
            "publish Invalid",
        ),
        (
            "was refused until something changes, and says so",
            says("Invalid"),
            before_nodes_came(answered(service(), Err(for_good()))),
            "ensure example.com/a",
        ),
        (
            "was provided",
            service().marked(A),
            before_nodes_came(answered(service(), Ok(provisioned()))),
            "publish Provisioned",
        ),
        (
            "was provided, and may no longer be",
            service().marked(A),
            stale(before_nodes_came(answered(service(), Ok(provisioned())))),
            "ensure example.com/a",
        ),
        (
            "was provided, and says so",
            published(),
            before_nodes_came(answered(service(), Ok(provisioned()))),
            "ensure example.com/a",
        ),
    ];
    check(table);
}

#[test]
fn who_changes_the_service_is_told_of_the_failure_before_and_waits_for_nothing() {
    let port = || json!([{"port": 81, "protocol": "TCP", "nodePort": 30080}]);
    let table = [
        (
            "changed a port while it could not be provided",
            service().marked(A).spec("ports", port()),
            answered(service(), Err(failed())),
            "publish ProviderUnavailable",
        ),
        (
            "changed a port since, and says that it could not be provided",
            says("ProviderUnavailable").spec("ports", port()),
            answered(service(), Err(failed())),
            "ensure example.com/a",
        ),
        (
            "changed a port while it was provided, which may not be served",
            service().marked(A).spec("ports", port()),
            answered(service(), Ok(provisioned())),
            "ensure example.com/a",
        ),
    ];
    check(table);
}

#[test]
fn a_failure_before_the_change_does_not_claim_to_have_seen_the_change() {
    let port = json!([{"port": 81, "protocol": "TCP", "nodePort": 30080}]);
    let before = service().marked(A).generation(1);
    let record = answered(before, Err(failed()));
    let mut object: Service = service().marked(A).generation(2).spec("ports", port).into();
    let conditions = object.status.as_mut().unwrap().conditions.as_mut();
    conditions.unwrap()[0].observed_generation = Some(1);
    let world = World {
        claims: &claims(&[(A, true)]),
        around: &around(),
        now: NOW.parse().unwrap(),
    };
    let Step::Write(write) = plan(Some(&object), &record, &world) else {
        panic!("a write")
    };
    let patch = crate::patch(&object, &write, world.now);
    for condition in patch["status"]["conditions"].as_array().unwrap() {
        assert_eq!(condition["observedGeneration"], 1, "{condition}");
    }
}
