//! Services that another implementation has served, and that are taken over from it.

use super::*;

/// Its class and its finalizer.
const OLD: &str = "example.com/old";

fn taking_over() -> Claims {
    claims(&[(A, false)]).succeeding(OLD)
}

fn check(claims: &Claims, table: &[(&str, ServiceBuilder, Record, &str)]) {
    for (what, service, record, expected) in table {
        let next = next_of(claims, Some(service.clone()), record);
        assert_eq!(next, *expected, "a Service that {what}");
    }
}

#[test]
fn a_predecessors_finalizer_goes_last_and_only_when_the_provider_has_what_the_service_was_given() {
    let old = || service().class(OLD).and_finalizer(OLD);
    let done = || published().class(OLD).and_finalizer(OLD);
    let having = |result| answered(done(), result);
    check(
        &taking_over(),
        &[
            (
                "has never been looked at",
                old(),
                holding("uid-1", &[A]),
                "claim example.com/a",
            ),
            (
                "is marked",
                old().marked(A),
                holding("uid-1", &[A]),
                "ensure example.com/a",
            ),
            (
                "is served, and is not told so",
                old().marked(A).and_finalizer(OLD),
                having(Ok(provisioned())),
                "publish Provisioned",
            ),
            (
                "is served, and is told so",
                done(),
                having(Ok(provisioned())),
                "remove example.com/old",
            ),
            (
                "is taken over",
                published().class(OLD),
                having(Ok(provisioned())),
                "rest",
            ),
            (
                "could not be taken over",
                done().condition("False", "ProviderUnavailable", "no answer"),
                having(Err(failed())),
                "rest",
            ),
        ],
    );
}

#[test]
fn what_terminates_while_its_owner_is_gone_is_released_with_its_finalizer() {
    let deleted = || {
        let old = service().class(OLD).and_finalizer(OLD);
        old.terminating_since("2026-03-01T11:59:00Z")
    };
    check(
        &taking_over(),
        &[
            (
                "nobody is known to have anything for",
                deleted(),
                Record::default(),
                "release example.com/a uid-1",
            ),
            (
                "has something",
                deleted(),
                holding("uid-1", &[A]),
                "release example.com/a uid-1",
            ),
            (
                "was released",
                deleted(),
                holding("uid-1", &[]),
                "let go with example.com/old",
            ),
            (
                "was of its class before it changed its type, and was released",
                published().of_type("ClusterIP").and_finalizer(OLD),
                holding("uid-1", &[]),
                "let go with example.com/old",
            ),
        ],
    );
}

#[test]
fn while_its_owner_runs_a_service_is_left_to_it() {
    let old = service().class(OLD).and_finalizer(OLD);
    let deleted = old.clone().terminating_since("2026-03-01T11:59:00Z");
    check(
        &taking_over().standing_aside(),
        &[
            (
                "is ours already, and was released",
                published()
                    .class(OLD)
                    .and_finalizer(OLD)
                    .terminating_since("2026-03-01T11:59:00Z"),
                holding("uid-1", &[]),
                "let go",
            ),
            (
                "is served by us already",
                published().class(OLD).and_finalizer(OLD),
                answered(published().class(OLD), Ok(provisioned())),
                "rest",
            ),
            ("lives", old, Record::default(), "rest"),
            ("terminates", deleted, Record::default(), "rest"),
        ],
    );
}
