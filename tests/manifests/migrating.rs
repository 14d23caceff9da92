//! `landfall migrate`, from files.

use serde_json::{Value, json};

use crate::landfall;

const FILE: &str = "tests/manifests/metallb.yaml";

#[test]
fn what_is_printed_is_in_order_and_says_the_same() {
    let migrated = landfall(&["migrate", FILE], "");
    assert_eq!(migrated.status, 0, "{}", migrated.errors);
    let text = migrated.out.join("\n");
    let judged = landfall(&["validate", "-"], &text);
    assert_eq!(judged.out, ["8 objects in order, 0 skipped"]);
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let names: Vec<_> = documents
        .iter()
        .map(|it| {
            format!(
                "{} {}",
                it["kind"].as_str().unwrap(),
                it["metadata"]["name"].as_str().unwrap()
            )
        })
        .collect();
    let expected = [
        "AddressPool office",
        "AddressPool reserved",
        "AddressPool team-a",
        "L2Advertisement everywhere",
        "L2Advertisement lan",
        "BGPAdvertisement upstream-1",
        "BGPAdvertisement upstream-2",
        "BGPPeer tor",
    ];
    assert_eq!(names, expected);
    let office = json!({
        "addresses": ["192.0.2.0-192.0.2.127", "192.0.2.200-192.0.2.220", "2001:db8:1::/112"],
        "allocation": "Automatic",
        "priority": 1_000_000,
        "skipNetworkAndBroadcast": true,
        "reuseAfter": "0s",
        "sharing": "AnyNamespace",
    });
    assert_eq!(documents[0]["spec"], office);
    assert_eq!(
        documents[0]["metadata"],
        json!({"name": "office", "labels": {"site": "north"}})
    );
    assert_eq!(
        documents[5]["spec"]["communities"],
        json!(["65000:10", "65000:20"])
    );
    assert_eq!(documents[7]["spec"]["bfd"]["transmitInterval"], "50ms");
}

#[test]
fn what_is_left_to_do_stands_at_the_begin_as_comments() {
    let migrated = landfall(&["migrate", FILE], "");
    let comments: Vec<_> = migrated
        .out
        .iter()
        .take_while(|it| it.starts_with('#'))
        .collect();
    assert_eq!(
        comments,
        [
            "# to do: BGPPeer tor: spec.passwordSecret: Secrets are read from the speaker's namespace; copy the Secret tor-password there"
        ]
    );
    let echo = "
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata: {name: slow}
spec: {echoMode: true}
";
    let migrated = landfall(&["migrate", "-"], echo);
    assert!(
        migrated.out[0].starts_with("# not carried over: BFDProfile slow: spec.echoMode: "),
        "{:?}",
        migrated.out
    );
}

#[test]
fn what_is_wrong_already_is_told_and_ends_badly() {
    let text = "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: blue}
spec: {addresses: [192.0.2.9-192.0.2.1]}
";
    let migrated = landfall(&["migrate", "-"], text);
    assert_eq!(migrated.status, 1);
    assert_eq!(
        migrated.out[0],
        "# wrong: IPAddressPool blue: spec.addresses[0]: the range is reversed: 192.0.2.9 is above 192.0.2.1 (did you mean 192.0.2.1-192.0.2.9?)"
    );
    let wrong_type = text.replace("[192.0.2.9-192.0.2.1]", "all");
    let migrated = landfall(&["migrate", "-"], &wrong_type);
    assert_eq!(migrated.status, 2);
    assert!(
        migrated
            .errors
            .contains("standard input:5: IPAddressPool blue: spec.addresses: "),
        "{}",
        migrated.errors
    );
    let nothing = landfall(&["migrate", "-"], "{apiVersion: v1, kind: Service}");
    assert_eq!(nothing.status, 1);
    assert!(
        nothing.errors.contains("no object of MetalLB's"),
        "{}",
        nothing.errors
    );
    assert_eq!(
        landfall(&["migrate", "-", "--namespace", "x"], "").status,
        2
    );
}
