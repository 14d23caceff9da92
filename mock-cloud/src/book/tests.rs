//! What a PUT or DELETE means, case by case.

use super::*;

fn book() -> Book {
    Book::new(&["127.200.0.0/30".parse().unwrap()])
}

fn id(name: &str) -> Id {
    name.parse().unwrap()
}

fn spec(requested: &[&str]) -> LoadBalancerSpec {
    LoadBalancerSpec {
        requested_addresses: requested.iter().map(|a| a.parse().unwrap()).collect(),
        ..LoadBalancerSpec::default()
    }
}

fn tagged(key: &str, value: &str) -> LoadBalancerSpec {
    LoadBalancerSpec {
        tags: BTreeMap::from([(key.into(), value.into())]),
        ..LoadBalancerSpec::default()
    }
}

fn address(book: &Book, name: &str) -> String {
    book.get(&id(name)).unwrap().addresses[0].to_string()
}

fn moved(book: &mut Book, name: &str) -> bool {
    let from = book.get(&id(name)).unwrap().addresses[0];
    book.relocate(&id(name), from)
}

#[test]
fn the_same_put_twice_is_one() {
    let mut book = book();
    assert_eq!(book.put(&id("a"), spec(&[])), Ok(Put::Made));
    assert_eq!(book.put(&id("a"), spec(&[])), Ok(Put::Unchanged));
    assert_eq!(book.put(&id("a"), tagged("k", "v")), Ok(Put::Changed));
    assert_eq!(address(&book, "a"), "127.200.0.1");
}

#[test]
fn an_address_is_kept_for_life() {
    let mut book = book();
    book.put(&id("a"), spec(&[])).unwrap();
    let other = book.put(&id("a"), spec(&["127.200.0.2"])).unwrap_err();
    assert!(matches!(other, Refusal::Fixed { index: 0, .. }));
    assert_eq!(book.put(&id("a"), spec(&["127.200.0.1"])), Ok(Put::Changed));
    assert_eq!(book.put(&id("a"), spec(&[])), Ok(Put::Changed));
}

#[test]
fn a_refused_put_changes_nothing() {
    let mut book = book();
    book.put(&id("a"), spec(&["127.200.0.2"])).unwrap();
    let taken = book.put(&id("b"), spec(&["127.200.0.2"])).unwrap_err();
    assert!(matches!(taken, Refusal::Taken { free_at: None, .. }));
    let outside = book.put(&id("b"), spec(&["10.0.0.1"])).unwrap_err();
    assert!(matches!(outside, Refusal::OutsidePool { .. }));
    assert_eq!(book.get(&id("b")), None);
    book.put(&id("b"), spec(&[])).unwrap();
    assert_eq!(address(&book, "b"), "127.200.0.1");
    let none = book.put(&id("c"), spec(&[])).unwrap_err();
    assert!(matches!(none, Refusal::PoolExhausted { free_at: None, .. }));
}

#[test]
fn a_deleted_one_holds_its_address_until_its_connections_are_gone() {
    let mut book = book();
    let until = Instant::now();
    for name in ["a", "b"] {
        book.put(&id(name), spec(&[])).unwrap();
    }
    assert_eq!(book.delete(&id("nobody"), until), None);
    let gone = book.delete(&id("a"), until).unwrap();
    let free_at = Some(until);
    let full = book.put(&id("c"), spec(&[])).unwrap_err();
    assert!(matches!(full, Refusal::PoolExhausted { free_at: at, .. } if at == free_at));
    book.free(gone.addresses[0]);
    book.put(&id("c"), spec(&[])).unwrap();
    assert_eq!(address(&book, "c"), "127.200.0.1");
}

#[test]
fn only_one_that_did_not_ask_for_its_address_is_moved() {
    let mut book = book();
    book.put(&id("a"), spec(&[])).unwrap();
    assert!(moved(&mut book, "a"));
    assert_eq!(address(&book, "a"), "127.200.0.2");
    assert!(!moved(&mut book, "a"), "the other one is occupied");
    book.put(&id("b"), spec(&["127.200.0.1"])).unwrap();
    assert!(!moved(&mut book, "b"));
}

#[test]
fn a_list_matches_every_tag() {
    let mut book = book();
    book.put(&id("b"), tagged("team", "shop")).unwrap();
    book.put(&id("a"), tagged("team", "shop")).unwrap();
    let names = |tags: &[(&str, &str)]| {
        let tags: Vec<_> = tags
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect();
        book.list(&tags)
            .map(|(id, _)| id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["a", "b"]);
    assert_eq!(names(&[("team", "shop")]), ["a", "b"]);
    assert!(names(&[("team", "shop"), ("more", "")]).is_empty());
    assert!(names(&[("team", "other")]).is_empty());
}

fn dual() -> Book {
    let pool = ["127.200.0.0/30", "fd00::/126"].map(|net| net.parse().unwrap());
    Book::new(&pool)
}

fn preferring(both: [Family; 2]) -> LoadBalancerSpec {
    LoadBalancerSpec {
        family_policy: FamilyPolicy::Prefer,
        ..families(&both, &[])
    }
}

fn families(families: &[Family], requested: &[&str]) -> LoadBalancerSpec {
    LoadBalancerSpec {
        families: families.to_vec(),
        ..spec(requested)
    }
}

fn given(book: &Book, name: &str) -> Vec<String> {
    let addresses = &book.get(&id(name)).unwrap().addresses;
    addresses.iter().map(ToString::to_string).collect()
}

#[test]
fn each_wanted_family_has_an_address_in_the_order_asked_for() {
    let (v4, v6) = (Family::IPv4, Family::IPv6);
    for (spec, expected) in [
        (families(&[], &[]), &["127.200.0.1"][..]),
        (families(&[v6], &[]), &["fd00::1"]),
        (families(&[v6, v4], &[]), &["fd00::1", "127.200.0.1"]),
        (families(&[], &["fd00::2"]), &["fd00::2"]),
        (
            families(&[v4, v6], &["fd00::2"]),
            &["127.200.0.1", "fd00::2"],
        ),
    ] {
        let mut book = dual();
        book.put(&id("a"), spec).unwrap();
        assert_eq!(given(&book, "a"), expected);
    }
}

#[test]
fn a_family_may_come_and_go_and_the_other_address_stays() {
    let (v4, v6) = (Family::IPv4, Family::IPv6);
    let mut book = dual();
    book.put(&id("a"), families(&[v4], &[])).unwrap();
    book.put(&id("a"), families(&[v6, v4], &[])).unwrap();
    assert_eq!(given(&book, "a"), ["fd00::1", "127.200.0.1"]);
    book.put(&id("a"), families(&[], &[])).unwrap();
    assert_eq!(given(&book, "a"), ["fd00::1", "127.200.0.1"]);
    book.put(&id("a"), families(&[v6], &[])).unwrap();
    assert_eq!(given(&book, "a"), ["fd00::1"]);
    book.put(&id("b"), families(&[v4], &["127.200.0.1"]))
        .unwrap();
}

#[test]
fn a_family_that_cannot_be_had_takes_nothing_of_the_other() {
    let (v4, v6) = (Family::IPv4, Family::IPv6);
    let mut book = Book::new(&["127.200.0.0/30", "fd00::1/128"].map(|n| n.parse().unwrap()));
    book.put(&id("a"), families(&[v6], &[])).unwrap();
    let full = book.put(&id("b"), families(&[v4, v6], &[])).unwrap_err();
    assert!(matches!(full, Refusal::PoolExhausted { .. }));
    book.put(&id("c"), families(&[v4], &["127.200.0.1"]))
        .unwrap();
    let none = super::tests::book().put(&id("a"), families(&[v4, v6], &[]));
    assert!(matches!(none, Err(Refusal::NoFamily { index: 1, .. })));
}

#[test]
fn preferred_families_are_given_as_far_as_they_are_to_be_had_and_completed_later() {
    let (v4, v6) = (Family::IPv4, Family::IPv6);
    let mut book = Book::new(&["127.200.0.0/30", "fd00::1/128"].map(|n| n.parse().unwrap()));
    book.put(&id("holder"), families(&[v6], &[])).unwrap();
    // The second is lacking, then the first.
    for (order, name) in [([v4, v6], "a"), ([v6, v4], "b")] {
        assert_eq!(book.put(&id(name), preferring(order)), Ok(Put::Made));
        let before = book.get(&id(name)).unwrap().clone();
        assert_eq!(book.put(&id(name), preferring(order)), Ok(Put::Unchanged));
        assert_eq!(book.get(&id(name)), Some(&before));
    }
    assert_eq!(given(&book, "a"), ["127.200.0.1"]);
    assert_eq!(given(&book, "b"), ["127.200.0.2"]);
    let none = book.put(&id("c"), preferring([v6, v4])).unwrap_err();
    assert!(matches!(none, Refusal::PoolExhausted { .. }), "{none}");
    // Whoever requires both from now on is refused, and keeps what it has.
    let both = book.put(&id("a"), families(&[v4, v6], &[])).unwrap_err();
    assert!(matches!(both, Refusal::PoolExhausted { .. }), "{both}");
    assert_eq!(given(&book, "a"), ["127.200.0.1"]);

    book.put(&id("holder"), families(&[v4], &[])).unwrap_err();
    let until = Instant::now();
    for address in book.delete(&id("holder"), until).unwrap().addresses {
        book.free(address);
    }
    assert_eq!(book.put(&id("b"), preferring([v6, v4])), Ok(Put::Changed));
    assert_eq!(given(&book, "b"), ["fd00::1", "127.200.0.2"]);
    assert_eq!(book.put(&id("b"), preferring([v6, v4])), Ok(Put::Unchanged));
}

#[test]
fn a_preferred_family_that_the_pool_lacks_is_gone_without() {
    let (v4, v6) = (Family::IPv4, Family::IPv6);
    for order in [[v4, v6], [v6, v4]] {
        let mut book = book();
        book.put(&id("a"), preferring(order)).unwrap();
        assert_eq!(given(&book, "a"), ["127.200.0.1"]);
        book.put(&id("b"), preferring(order)).unwrap();
        let full = book.put(&id("c"), preferring(order)).unwrap_err();
        assert!(matches!(full, Refusal::PoolExhausted { .. }), "{full}");
    }
}

#[test]
fn a_quota_bounds_what_is_made_and_not_what_is_there() {
    let listening = |ports: &[u16]| LoadBalancerSpec {
        listeners: ports.iter().map(|&port| listener(port)).collect(),
        ..LoadBalancerSpec::default()
    };
    let mut book = book();
    book.put(&id("a"), listening(&[1, 2])).unwrap();
    book.set_quota(Quota {
        load_balancers: Some(1),
        listeners: Some(2),
    });
    let second = book.put(&id("b"), listening(&[]));
    assert!(matches!(second, Err(Refusal::Quota { .. })));
    let more = book.put(&id("a"), listening(&[1, 2, 3]));
    assert!(matches!(more, Err(Refusal::Quota { .. })));
    assert_eq!(book.put(&id("a"), listening(&[3, 4])), Ok(Put::Changed));
    book.set_quota(Quota::default());
    assert_eq!(book.put(&id("b"), listening(&[])), Ok(Put::Made));
}

fn listener(port: u16) -> landfall_mock_cloud_wire::ListenerSpec {
    landfall_mock_cloud_wire::ListenerSpec {
        protocol: landfall_mock_cloud_wire::Protocol::Tcp,
        port,
        idle_timeout: None,
        health_check: None,
        targets: Vec::new(),
    }
}
