use landfall_mock_cloud_wire::ServingState;
use landfall_provider_api::ClusterId;

use super::*;

/// Asked for, with that as its entity tag.
fn known(digest: u64) -> Known {
    Known {
        etag: digest.to_string(),
        is_active: true,
        digest: Digest(digest),
        addresses: Vec::new(),
        failed_ports: Vec::new(),
        serving: None,
    }
}

fn all(digests: &[(&str, u64)]) -> HashMap<String, Read> {
    let read = |(uid, digest): &(&str, u64)| {
        let known = known(*digest);
        ((*uid).to_owned(), Read { known, id: None })
    };
    digests.iter().map(read).collect()
}

fn digest_of(view: &View, uid: &str) -> Option<u64> {
    view.known(uid).map(|known| known.digest.0)
}

/// A PUT that asks for this and ends well.
fn put(view: &View, uid: &str, digest: u64) -> Put {
    let asked = Digest(digest);
    view.change(uid, Some(asked)).put(known(digest), asked)
}

/// The same, where the load balancer gets another entity tag.
fn put_anew(view: &View, uid: &str, digest: u64, etag: &str) -> Put {
    let (asked, mut known) = (Digest(digest), known(digest));
    known.etag = etag.into();
    view.change(uid, Some(asked)).put(known, asked)
}

#[test]
fn a_change_that_does_not_end_well_leaves_nothing_certain() {
    let view = View::default();
    view.refresh(view.begin_refresh(), all(&[("a", 1), ("b", 1)]));
    drop(view.change("a", Some(Digest(2))));
    assert_eq!(digest_of(&view, "a"), None);
    put(&view, "b", 2);
    assert_eq!(digest_of(&view, "b"), Some(2));
}

#[test]
fn what_was_read_before_a_change_does_not_undo_it() {
    let view = View::default();
    let began = view.begin_refresh();
    put(&view, "a", 2);
    view.change("b", None).gone();
    view.refresh(began, all(&[("a", 1), ("b", 1), ("c", 1)]));
    assert_eq!(digest_of(&view, "a"), Some(2));
    assert_eq!(digest_of(&view, "b"), None);
    assert_eq!(digest_of(&view, "c"), Some(1));
}

#[test]
fn what_was_read_later_holds() {
    let view = View::default();
    put(&view, "a", 1);
    put(&view, "b", 1);
    let (early, late) = (view.begin_refresh(), view.begin_refresh());
    view.refresh(late, all(&[("a", 2)]));
    view.refresh(early, all(&[("a", 1), ("b", 1)]));
    assert_eq!(digest_of(&view, "a"), Some(2));
    assert_eq!(digest_of(&view, "b"), None);
    view.change("b", None).gone();
    view.refresh(view.begin_refresh(), all(&[("a", 2)]));
    assert_eq!(
        view.state().slots.len(),
        1,
        "nothing is kept of what was released"
    );
}

#[test]
fn a_change_under_way_ends_later_than_a_reading_that_began_meanwhile() {
    let view = View::default();
    let change = view.change("a", Some(Digest(2)));
    view.refresh(view.begin_refresh(), all(&[("a", 1)]));
    drop(change);
    assert_eq!(digest_of(&view, "a"), None);
}

#[test]
fn our_own_changes_are_no_news() {
    let view = View::default();
    let change = view.change("a", Some(Digest(1)));
    assert!(!view.told("a", Some("1")), "it may be our own");
    assert!(!change.put(known(1), Digest(1)).is_another);
    assert!(!view.told("a", Some("1")), "it is what we know");
    assert_eq!(digest_of(&view, "a"), Some(1));
    let change = view.change("a", Some(Digest(2)));
    assert!(!view.told("a", Some("1")), "it is what came before");
    assert!(!change.put(known(2), Digest(2)).is_another);
    view.change("a", None).gone();
    assert!(!view.told("a", None));
}

#[test]
fn what_others_change_is_news_and_what_was_known_is_not_certain() {
    let view = View::default();
    put(&view, "a", 1);
    assert!(view.told("a", Some("2")));
    assert!(!view.told("a", Some("2")), "it was told");
    assert!(view.told("a", None));
    assert_eq!(digest_of(&view, "a"), None);
    put(&view, "b", 1);
    assert!(view.told("b", None));
    let change = view.change("c", Some(Digest(1)));
    view.told("c", Some("1"));
    view.told("c", Some("2"));
    let put = change.put(known(1), Digest(1));
    assert!(put.is_another, "another came after ours");
    assert_eq!(digest_of(&view, "c"), None);
    assert!(view.told("unheard-of", Some("1")));
}

#[test]
fn what_is_put_right_is_a_repair_and_nothing_else_is() {
    let view = View::default();
    assert!(!put(&view, "a", 1).is_repaired, "it is new");
    assert!(!put(&view, "a", 2).is_repaired, "it is an ordinary change");
    view.told("a", Some("x"));
    assert!(!put_anew(&view, "a", 3, "3").is_repaired, "it is both");
    view.told("a", Some("x"));
    assert!(
        !put_anew(&view, "a", 3, "x").is_repaired,
        "nothing was wrong"
    );
    view.told("a", Some("y"));
    assert!(put_anew(&view, "a", 3, "z").is_repaired, "altered");
    view.told("a", None);
    assert!(put(&view, "a", 3).is_repaired, "removed");
    assert!(!view.agrees("a", Digest(3)), "it was told");
    view.change("a", None).gone();
    assert!(!put(&view, "a", 3).is_repaired, "we released it ourselves");
}

#[test]
fn a_reading_finds_what_others_did() {
    let view = View::default();
    put(&view, "altered", 1);
    put(&view, "removed", 1);
    put(&view, "same", 1);
    let mut news = view.refresh(view.begin_refresh(), all(&[("altered", 9), ("same", 1)]));
    news.sort();
    assert_eq!(news, ["altered", "removed"]);
    let again = view.refresh(view.begin_refresh(), all(&[("altered", 9), ("same", 1)]));
    assert_eq!(again, [""; 0], "it is news once");
    for uid in ["altered", "removed"] {
        assert!(put(&view, uid, 1).is_repaired, "{uid}");
    }
    assert!(!put(&view, "same", 1).is_repaired);
}

#[test]
fn after_a_restart_nobody_knows_what_was_asked_for() {
    let view = View::default();
    view.refresh(view.begin_refresh(), all(&[("changed", 1), ("same", 1)]));
    assert!(!put(&view, "changed", 2).is_repaired);
    assert!(!put(&view, "removed", 1).is_repaired);
    assert!(!view.agrees("same", Digest(1)));
    view.told("same", Some("2"));
    assert!(put(&view, "same", 1).is_repaired, "it was there and right");
}

#[test]
fn a_repair_that_takes_several_calls_is_one() {
    let view = View::default();
    put(&view, "a", 1);
    view.told("a", Some("x"));
    drop(view.change("a", Some(Digest(1))));
    let slow = Known {
        is_active: false,
        ..known(1)
    };
    let slow = view.change("a", Some(Digest(1))).put(slow, Digest(1));
    assert!(!slow.is_repaired, "it is on its way");
    view.refresh(view.begin_refresh(), all(&[("a", 1)]));
    assert!(view.agrees("a", Digest(1)));
    assert!(!view.agrees("a", Digest(1)));
}

#[test]
fn how_it_serves_is_news_if_it_is_newer_and_another() {
    let serving = |state, sequence| Serving {
        state,
        code: String::new(),
        message: String::new(),
        sequence,
    };
    let (yes, no) = (ServingState::Yes, ServingState::No);
    let view = View::default();
    let told = |view: &View| view.known("a").unwrap().serving.unwrap().state;
    let change = view.change("a", Some(Digest(1)));
    assert!(
        !view.told_serving("a", &serving(no, 5)),
        "the call may tell"
    );
    let answer = Known {
        serving: Some(serving(yes, 4)),
        ..known(1)
    };
    let put = change.put(answer.clone(), Digest(1));
    assert_eq!(put.known.serving, Some(serving(no, 5)), "it came later");
    assert!(!view.told_serving("a", &serving(no, 6)), "it is the same");
    assert!(!view.told_serving("a", &serving(yes, 3)), "it is old");
    assert!(view.told_serving("a", &serving(yes, 7)));
    assert_eq!(told(&view), yes);
    for (sequence, state, is_news) in [(6, no, false), (8, yes, false), (9, no, true)] {
        let known = Known {
            serving: Some(serving(state, sequence)),
            ..answer.clone()
        };
        let read = HashMap::from([("a".to_owned(), Read { known, id: None })]);
        let news = view.refresh(view.begin_refresh(), read);
        assert_eq!(!news.is_empty(), is_news, "{sequence}");
    }
    assert_eq!(told(&view), no);
}

#[test]
fn what_was_adopted_keeps_its_id_until_it_is_gone() {
    let of = LoadBalancerId {
        cluster: ClusterId {
            name: "demo".into(),
            uid: "c1".into(),
        },
        service_uid: "a".into(),
    };
    let view = View::default();
    let known = known(1);
    let id = Some("k8s.demo.c0.x".into());
    let read = HashMap::from([("a".to_owned(), Read { known, id })]);
    view.refresh(view.begin_refresh(), read);
    put(&view, "a", 2);
    view.told("a", Some("x"));
    drop(view.change("a", Some(Digest(2))));
    assert_eq!(view.id(&of), "k8s.demo.c0.x");
    view.told("a", None);
    assert_eq!(view.id(&of), "k8s.demo.c1.a");
}
