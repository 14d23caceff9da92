//! MetalLB's objects beside ours.

use landfall_bare_metal_resources::metallb::KINDS;

use super::*;

fn put_theirs(view: &mut View, kind: usize, name: &str, spec: Value) {
    let kind = KINDS[kind];
    let value = json!({
        "apiVersion": format!("metallb.io/{}", kind.version), "kind": kind.singular,
        "metadata": {"name": name, "namespace": "metallb-system", "labels": {"their": name}},
        "spec": spec,
    });
    view.put_metallb(kind, name.to_owned(), &value);
}

/// With a Service at an address of MetalLB's pool, which its advertisement alone announces.
fn theirs() -> View {
    let mut view = view();
    view.advertisement("all", None);
    put(
        &mut view,
        "their",
        service("their", "198.51.100.1", "Cluster"),
    );
    slice(&mut view, "their", &[("a", "ready")]);
    put_theirs(
        &mut view,
        0,
        "old",
        json!({"addresses": ["198.51.100.0/28"]}),
    );
    put_theirs(&mut view, 1, "old", json!({"ipAddressPools": ["old"]}));
    view
}

#[test]
fn what_metallb_announced_is_announced_as_it_did() {
    let mut view = theirs();
    let wanted = change(&mut view).unwrap();
    assert_eq!(nodes(&wanted), ids(&["a", "b", "c"]));
    assert!(wanted.rules.iter().all(|it| it.is_off_subnet), "any node");
    let selector = json!({"matchLabels": {"zone": "b"}});
    let spec =
        json!({"ipAddressPools": ["old"], "nodeSelectors": [selector], "interfaces": ["eth1"]});
    put_theirs(&mut view, 1, "old", spec.clone());
    assert_eq!(nodes(&change(&mut view).unwrap()), ids(&["b"]));
    put_theirs(&mut view, 1, "old", spec);
    assert_eq!(view.changes().wanted, [], "it says what it said");
    view.remove_metallb(KINDS[1], "old");
    assert_eq!(change(&mut view), None, "nothing announces it any more");
}

#[test]
fn what_metallb_says_that_means_nothing_leaves_what_it_meant() {
    let mut view = theirs();
    let before = change(&mut view);
    put_theirs(&mut view, 0, "old", json!({"addresses": ["nonsense"]}));
    put_theirs(&mut view, 1, "old", json!({"ipAddressPools": 7}));
    assert_eq!(view.changes().wanted, []);
    assert_eq!(view.known().metallb(KINDS[1]), ["old".to_owned()].into());
    view.remove_metallb(KINDS[0], "old");
    assert!(before.is_some() && change(&mut view).is_none());
}

#[test]
fn a_pool_of_ours_takes_the_place_of_metallbs_of_the_same_name() {
    let mut view = theirs();
    view.changes();
    let ours = |addresses: &str| {
        let pool = json!({"apiVersion": "landfall.dev/v1alpha1", "kind": "AddressPool",
            "metadata": {"name": "old"}, "spec": {"addresses": [addresses]}});
        let addresses = Judged::parse(&object::<AddressPool>(pool)).unwrap().usable;
        Some(Pool {
            addresses,
            ..Pool::default()
        })
    };
    view.pool("old", ours("203.0.113.0/28"));
    assert_eq!(change(&mut view), None, "ours does not have the address");
    view.pool("old", ours("198.51.100.0/28"));
    let wanted = change(&mut view).unwrap();
    assert_eq!(wanted.rules.len(), 1, "their advertisement selects ours");
    view.pool("old", None);
    assert_eq!(
        view.changes().wanted,
        [],
        "theirs is back, and says the same"
    );
    assert_eq!(view.known().pools(), ["main".to_owned()].into());
}
