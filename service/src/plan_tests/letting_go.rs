//! Services that we do not claim, or no longer.

use super::*;

#[test]
fn a_service_that_we_do_not_claim() {
    let nothing = Record::default();
    let deleted = |service: ServiceBuilder| service.terminating_since("2026-03-01T11:59:00Z");
    let foreign = || service().class("example.com/x");
    let handed_over = || {
        foreign()
            .marked(A)
            .condition("False", "HandedOver", "another")
    };
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
            service().marked(A).of_type("ClusterIP"),
            holding("uid-1", &[A]),
            "release example.com/a uid-1",
        ),
        (
            "changed its type and was released",
            service().marked(A).of_type("ClusterIP"),
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
            foreign().marked(A),
            holding("uid-1", &[A]),
            "release example.com/a uid-1",
        ),
        (
            "went to another and was released",
            foreign().marked(A),
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
    assert_eq!(
        next(Some(service()), &holding("uid-0", &[])),
        "claim example.com/a"
    );
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
fn another_landfall_s_services_are_left_alone() {
    let claims = claims(&[(A, true)]);
    let foreign = || service().class("example.com/x").marked("example.com/x");
    let deleted = |service: ServiceBuilder| service.terminating_since("2026-03-01T11:50:00Z");
    let held = holding("uid-1", &[A]);
    let released = holding("uid-1", &[]);
    let rest = |service: ServiceBuilder, record: &Record| {
        assert_eq!(next_of(&claims, Some(service), record), "rest");
    };
    for record in [&Record::default(), &released] {
        rest(foreign(), record);
        rest(deleted(foreign()), record);
        rest(foreign().of_type("ClusterIP"), record);
        rest(
            foreign().condition("False", "HandedOver", "another"),
            record,
        );
        rest(
            deleted(foreign().condition("False", "HandedOver", "x")),
            record,
        );
    }
    // What a provider of ours holds for it is released all the same.
    let next = |service, record: &Record| next_of(&claims, Some(service), record);
    assert_eq!(next(foreign(), &held), "release example.com/a uid-1");
    // It comes to us: we need not wait for them, who find it claimed and release what they hold.
    let ours = || service().marked("example.com/x");
    assert_eq!(next(ours(), &Record::default()), "claim example.com/a");
    // Marks without a name would be nobody's for ever.
    let unnamed = || {
        service()
            .condition("True", "Provisioned", "")
            .with_finalizer()
    };
    let nameless = unnamed().of_type("ClusterIP");
    assert_eq!(next(nameless, &Record::default()), "let go");
}
