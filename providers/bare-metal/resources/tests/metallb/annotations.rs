//! What Services ask for.

use std::collections::BTreeMap;

use landfall_bare_metal_resources::metallb::annotations;
use landfall_bare_metal_resources::{Fault, Requested, requested};

type Rows = [(&'static str, &'static str)];

fn map(pairs: &Rows) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn asked(addresses: &[&str], pool: Option<&str>, key: Option<&str>) -> Requested {
    Requested {
        addresses: addresses.iter().map(|it| it.parse().unwrap()).collect(),
        pool: pool.map(str::to_owned),
        sharing_key: key.map(str::to_owned),
        reservations: Vec::new(),
    }
}

#[test]
fn annotations_of_metallb_say_addresses_pool_and_sharing_key() {
    let rows: [(&Rows, Requested); 8] = [
        (&[], asked(&[], None, None)),
        (
            &[("metallb.io/loadBalancerIPs", "192.0.2.1")],
            asked(&["192.0.2.1"], None, None),
        ),
        (
            &[("metallb.io/loadBalancerIPs", " 192.0.2.1 ,2001:db8::1 ")],
            asked(&["192.0.2.1", "2001:db8::1"], None, None),
        ),
        (
            &[
                ("metallb.io/address-pool", "blue"),
                ("metallb.io/allow-shared-ip", "Any key: at all!"),
            ],
            asked(&[], Some("blue"), Some("Any key: at all!")),
        ),
        (
            &[
                ("metallb.universe.tf/loadBalancerIPs", "192.0.2.1"),
                ("metallb.universe.tf/address-pool", "blue"),
                ("metallb.universe.tf/allow-shared-ip", "key"),
            ],
            asked(&["192.0.2.1"], Some("blue"), Some("key")),
        ),
        // The old key counts only where the new one is absent, which an empty one is not.
        (
            &[
                ("metallb.io/address-pool", "new"),
                ("metallb.universe.tf/address-pool", "old"),
                ("metallb.io/allow-shared-ip", ""),
                ("metallb.universe.tf/allow-shared-ip", "old"),
            ],
            asked(&[], Some("new"), None),
        ),
        (
            &[
                ("metallb.io/loadBalancerIPs", " "),
                ("metallb.io/address-pool", ""),
            ],
            asked(&[], None, None),
        ),
        // Written by MetalLB itself: says nothing.
        (
            &[("metallb.io/ip-allocated-from-pool", "blue")],
            asked(&[], None, None),
        ),
    ];
    for (pairs, expected) in rows {
        assert_eq!(annotations(&map(pairs)).unwrap(), expected, "{pairs:?}");
    }
}

fn said(found: Result<Requested, Vec<Fault>>) -> Vec<String> {
    found.unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn what_nobody_can_be_given_is_refused() {
    let rows = [
        (
            "192.0.2.0/24",
            "'192.0.2.0/24' is no address, such as 192.0.2.10 or 2001:db8::10",
        ),
        (
            "192.0.2.1,192.0.2.2",
            "192.0.2.1 and 192.0.2.2 are of one family (one address, or one of each family)",
        ),
        (
            "192.0.2.1,2001:db8::1,2001:db8::2",
            "3 addresses are too many (one, or one of each family)",
        ),
        (
            "fe80::1%eth0",
            "'fe80::1%eth0' has a zone (leave out the % and what follows it)",
        ),
        (
            "::ffff:192.0.2.1",
            "'::ffff:192.0.2.1' is an IPv4 address inside an IPv6 address (write 192.0.2.1)",
        ),
        (
            "224.0.0.1",
            "no Service can have 224.0.0.1: it is multicast",
        ),
    ];
    for (text, message) in rows {
        for key in [
            "metallb.io/loadBalancerIPs",
            "metallb.universe.tf/loadBalancerIPs",
        ] {
            let expected = format!("metadata.annotations[{key}]: {message}");
            assert_eq!(said(annotations(&map(&[(key, text)]))), [expected]);
        }
        let own = "landfall.dev/load-balancer-ips";
        let expected = format!("metadata.annotations[{own}]: {message}");
        assert_eq!(said(requested(&map(&[(own, text)]))), [expected]);
    }
}

#[test]
fn our_own_annotations_say_the_same_and_name_reservations() {
    let all = requested(&map(&[
        ("landfall.dev/load-balancer-ips", "2001:db8::1, 192.0.2.1"),
        ("landfall.dev/address-pool", "blue"),
        ("landfall.dev/sharing-key", "key"),
        ("metallb.io/address-pool", "red"),
    ]));
    let expected = asked(&["2001:db8::1", "192.0.2.1"], Some("blue"), Some("key"));
    assert_eq!(all.unwrap(), expected);
    for (text, names) in [
        ("front", &["front"][..]),
        (" front, ,back,", &["front", "back"]),
    ] {
        let reserved = requested(&map(&[("landfall.dev/reservation", text)])).unwrap();
        assert_eq!(reserved.reservations, names);
    }
    for (text, message) in [
        (
            "a,b,c",
            "3 reservations are too many (one, or one of each family)",
        ),
        ("a,a", "'a' is named twice"),
        (
            "other/a",
            "'other/a' is of a namespace (a Service can name reservations of its own namespace only)",
        ),
    ] {
        let refused = requested(&map(&[("landfall.dev/reservation", text)]));
        let expected = format!("metadata.annotations[landfall.dev/reservation]: {message}");
        assert_eq!(said(refused), [expected]);
    }
    let twice = map(&[
        ("landfall.dev/reservation", "Front"),
        ("landfall.dev/address-pool", "blue"),
    ]);
    assert_eq!(
        said(requested(&twice)),
        [
            "metadata.annotations[landfall.dev/reservation]: 'Front' is no name of an object (lower-case letters, digits, - and .)",
            "metadata.annotations[landfall.dev/reservation]: a reservation says the address already; leave out landfall.dev/address-pool",
        ]
    );
}
