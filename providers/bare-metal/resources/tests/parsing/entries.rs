//! The three forms of addresses.

use landfall_bare_metal_resources::{AddressRange, Entry, requested};
use proptest::prelude::*;

/// Texts that somebody may write where addresses are expected.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,40}",
        "[0-9a-fA-F:./%-]{0,60}",
        "[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}(/[0-9]{1,3}|-[0-9.]{7,15})?",
        "[0-9a-f:]{2,20}(/[0-9]{1,3}|-[0-9a-f:]{2,20})?",
    ]
}

proptest! {
    /// Whatever stands there is either refused or means what it is shown as.
    #[test]
    fn no_text_breaks_the_parser_and_what_it_shows_means_the_same(text in text()) {
        if let Ok(entry) = text.parse::<Entry>() {
            prop_assert_eq!(entry.to_string().parse::<Entry>().unwrap(), entry);
            let shown = entry.range().to_string();
            prop_assert_eq!(shown.parse::<Entry>().unwrap().range(), entry.range());
        }
        let key = "landfall.dev/load-balancer-ips".to_owned();
        if let Ok(asked) = requested(&[(key, text)].into()) {
            prop_assert!(asked.addresses.len() <= 2);
        }
    }
}

#[test]
fn addresses_are_written_in_three_forms() {
    let rows = [
        ("192.0.2.0/24", "192.0.2.0", "192.0.2.255", "192.0.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255", "0.0.0.0/0"),
        ("192.0.2.1/32", "192.0.2.1", "192.0.2.1", "192.0.2.1"),
        (
            "192.0.2.10-192.0.2.20",
            "192.0.2.10",
            "192.0.2.20",
            "192.0.2.10-192.0.2.20",
        ),
        (
            "192.0.2.8-192.0.2.11",
            "192.0.2.8",
            "192.0.2.11",
            "192.0.2.8/30",
        ),
        (
            "192.0.2.9-192.0.2.12",
            "192.0.2.9",
            "192.0.2.12",
            "192.0.2.9-192.0.2.12",
        ),
        ("192.0.2.7-192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("240.0.0.0/4", "240.0.0.0", "255.255.255.255", "240.0.0.0/4"),
        (
            "2001:DB8::/64",
            "2001:db8::",
            "2001:db8::ffff:ffff:ffff:ffff",
            "2001:db8::/64",
        ),
        (
            "::/0",
            "::",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "::/0",
        ),
        (
            "fe80::1-fe80::ff",
            "fe80::1",
            "fe80::ff",
            "fe80::1-fe80::ff",
        ),
    ];
    for (text, first, last, shown) in rows {
        let entry: Entry = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let range = entry.range();
        assert_eq!(range.first().to_string(), first, "{text}");
        assert_eq!(range.last().to_string(), last, "{text}");
        assert_eq!(range.to_string(), shown, "{text}");
    }
}

/// Text, the begin of what is said, and the hint.
const REFUSED: &[(&str, &str, Option<&str>)] = &[
    ("", "'' is neither a network", None),
    ("-", "'-' is neither a network", None),
    ("/", "'/' is neither a network", None),
    ("192.0.2.300", "'192.0.2.300' is neither", None),
    ("192.0.2.010", "'192.0.2.010' is neither", None),
    ("192.0.2.0/33", "'192.0.2.0/33' is neither", None),
    ("192.0.2.0/+24", "'192.0.2.0/+24' is neither", None),
    ("192.0.2.0/024", "'192.0.2.0/024' is neither", None),
    ("192.0.2.0/-1", "'192.0.2.0/-1' is neither", None),
    ("192.0.2.0/24/24", "'192.0.2.0/24/24' is neither", None),
    ("2001:db8::/129", "'2001:db8::/129' is neither", None),
    ("192.0.2.1-", "'192.0.2.1-' is neither", None),
    ("192.0.2.1-9", "'192.0.2.1-9' is neither", None),
    (
        "192.0.2.1 - 192.0.2.9",
        "'192.0.2.1 - 192.0.2.9' is neither",
        Some("write it without spaces"),
    ),
    ("lb.example.org", "'lb.example.org' is neither", None),
    (
        "fe80::1%eth0",
        "'fe80::1%eth0' has a zone",
        Some("leave out the % and what follows it"),
    ),
    (
        "::ffff:192.0.2.1",
        "'::ffff:192.0.2.1' is an IPv4 address inside",
        Some("write 192.0.2.1"),
    ),
    (
        "::ffff:c000:201",
        "'::ffff:c000:201' is an IPv4 address inside",
        Some("write 192.0.2.1"),
    ),
    (
        "::192.0.2.1",
        "'::192.0.2.1' is an IPv4 address inside",
        Some("write 192.0.2.1"),
    ),
    (
        "::ffff:192.0.2.0/120",
        "'::ffff:192.0.2.0/120' is an IPv4 address inside",
        Some("write 192.0.2.0/24"),
    ),
    (
        "::ffff:192.0.2.1-::ffff:192.0.2.9",
        "'::ffff:192.0.2.1' is an IPv4 address inside",
        Some("write 192.0.2.1"),
    ),
    (
        "192.0.2.1/24",
        "192.0.2.1/24 has bits set",
        Some("did you mean 192.0.2.0/24?"),
    ),
    (
        "2001:db8::1/64",
        "2001:db8::1/64 has bits set",
        Some("did you mean 2001:db8::/64?"),
    ),
    (
        "192.0.2.1-2001:db8::1",
        "a range has one family, but 192.0.2.1 is of one",
        None,
    ),
    (
        "192.0.2.9-192.0.2.1",
        "the range is reversed: 192.0.2.9 is above 192.0.2.1",
        Some("did you mean 192.0.2.1-192.0.2.9?"),
    ),
    (
        "2001:db8::10-2001:db8::9",
        "the range is reversed: 2001:db8::10 is above",
        Some("did you mean 2001:db8::9-2001:db8::10?"),
    ),
    (
        "0.0.0.0",
        "no Service can have 0.0.0.0: it is the unspecified",
        None,
    ),
    ("::", "no Service can have ::: it is the unspecified", None),
    (
        "255.255.255.255",
        "no Service can have 255.255.255.255: it is the limited",
        None,
    ),
    (
        "224.0.0.0/4",
        "no Service can have 224.0.0.0/4: it is multicast",
        None,
    ),
    (
        "239.0.0.1-239.0.0.9",
        "no Service can have 239.0.0.1-239.0.0.9: it is multicast",
        None,
    ),
    (
        "ff02::1",
        "no Service can have ff02::1: it is multicast",
        None,
    ),
];

#[test]
fn what_is_no_address_of_a_service_is_refused_with_what_was_meant() {
    for (text, begin, hint) in REFUSED {
        let error = text.parse::<Entry>().expect_err(text);
        assert!(error.to_string().starts_with(begin), "{text}: {error}");
        assert_eq!(error.hint().as_deref(), *hint, "{text}");
    }
}

#[test]
fn a_range_knows_what_it_holds() {
    let range = |text: &str| text.parse::<Entry>().unwrap().range();
    let all = [range("::/0"), range("0.0.0.0/0")];
    assert_eq!(all.map(|it| it.count()), [u128::MAX, 1 << 32]);
    let some = range("192.0.2.10-192.0.2.20");
    assert_eq!(some.count(), 11);
    assert!(some.contains("192.0.2.20".parse().unwrap()));
    assert!(!some.contains("192.0.2.21".parse().unwrap()));
    assert!(!range("::/0").contains("192.0.2.10".parse().unwrap()));
    assert_eq!(
        some.overlap(&range("192.0.2.20-192.0.2.30")),
        Some(range("192.0.2.20"))
    );
    assert_eq!(some.overlap(&range("192.0.2.21")), None);
    assert_eq!(some.overlap(&range("::/0")), None);
    let [low, high] = ["192.0.2.1", "192.0.2.2"].map(|it| it.parse().unwrap());
    assert_eq!(AddressRange::new(high, low), None);
    assert_eq!(AddressRange::new(low, "2001:db8::1".parse().unwrap()), None);
}
