//! `landfall validate`.

use crate::{Files, landfall};

/// What is said of a text on standard input, without the name of that.
pub(crate) fn said(text: &str) -> (i32, Vec<String>) {
    let said = landfall(&["validate", "-"], text);
    let lines = said.out.iter();
    let lines = lines.map(|it| it.strip_prefix("standard input:").unwrap_or(it).to_owned());
    (said.status, lines.collect())
}

/// Text, and every line about it.
type Row = (&'static str, &'static [&'static str]);

/// Our own kinds.
const OWN: &[Row] = &[
    (
        "{kind: AddressPool, metadata: {name: blue}, spec: {addresses: [192.0.2.0/24]}}",
        &["1: AddressPool blue: apiVersion: an object needs apiVersion and kind"],
    ),
    (
        "{apiVersion: landfall.dev/v1alpha1, kind: AddressPool, metadata: {name: a}, spec: {priority: high}}",
        &[
            "1: AddressPool a: spec.priority: invalid type: string \"high\", expected an integer of 32 bits",
        ],
    ),
    (
        "
apiVersion: landfall.dev/v1alpha1
kind: AddressPool
metadata: {name: blue}
spec:
  addresses:
  - 192.0.2.1/24
  - 2001:db8::/64
  - 2001:db8::7
  reuseAfter: 60
  adresses: []
",
        &["10: AddressPool blue: spec.reuseAfter: invalid type: integer `60`, expected a string"],
    ),
    (
        "
apiVersion: landfall.dev/v1alpha1
kind: AddressPool
metadata: {name: blue}
spec:
  addresses:
  - 192.0.2.1/24
  - 2001:db8::/64
  - 2001:db8::7
  reuseAfter: 60m
  adresses: []
  serviceSelector:
    matchExpressions:
    - {key: a, operator: In}
",
        &[
            "7: AddressPool blue: spec.addresses[0]: 192.0.2.1/24 has bits set beyond the prefix length (did you mean 192.0.2.0/24?)",
            "9: AddressPool blue: spec.addresses[2]: 2001:db8::7 overlaps spec.addresses[1] (2001:db8::/64)",
            "11: AddressPool blue: spec.adresses: there is no such field",
            "14: AddressPool blue: spec.serviceSelector.matchExpressions[0]: In and NotIn need values",
        ],
    ),
    (
        "{apiVersion: landfall.dev/v1alpha1, kind: AddressReservation, metadata: {name: a, namespace: b}, spec: {}}",
        &["1: AddressReservation b/a: spec: name either an address or a pool to take one from"],
    ),
    (
        "
apiVersion: landfall.dev/v1alpha1
kind: L2Advertisement
metadata: {name: lan}
spec:
  offSubnet: Sometimes
",
        &[
            "6: L2Advertisement lan: spec.offSubnet: unknown variant `Sometimes`, expected `Allow` or `Never`",
        ],
    ),
    (
        "
apiVersion: landfall.dev/v1alpha1
kind: BGPAdvertisement
metadata: {name: up}
spec:
  communities: [red]
",
        &[
            "6: BGPAdvertisement up: spec.communities[0]: 'red' is no community, such as 65000:100 or large:65000:1:2 (a name needs a line in communityAliases)",
        ],
    ),
    (
        "
apiVersion: landfall.dev/v1alpha1
kind: BGPPeer
metadata: {name: tor}
spec:
  localASN: 65000
  peerASN: External
  address: fe80::1
",
        &["8: BGPPeer tor: spec.address: a link-local address needs the interface that it is on"],
    ),
    (
        "
apiVersion: landfall.dev/v1beta7
kind: AddressPol
metadata: {name: x}
",
        &[
            "2: AddressPol x: apiVersion: there is no such version (did you mean landfall.dev/v1alpha1?)",
            "3: AddressPol x: kind: there is no kind AddressPol in landfall.dev (AddressPool, AddressReservation, BGPAdvertisement, BGPPeer, L2Advertisement, SpeakerStatus)",
        ],
    ),
];

/// MetalLB's, Services, and what is no object.
const OTHERS: &[Row] = &[
    (
        "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: blue, namespace: metallb-system}
spec:
  addresses: [192.0.2.9-192.0.2.1]
  autoAsign: false
",
        &[
            "6: IPAddressPool metallb-system/blue: spec.addresses[0]: the range is reversed: 192.0.2.9 is above 192.0.2.1 (did you mean 192.0.2.1-192.0.2.9?)",
            "7: IPAddressPool metallb-system/blue: spec.autoAsign: this field is not known; it is passed over",
        ],
    ),
    (
        "
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor}
spec:
  myASN: 64512
  peerASN: 64513
  peerAddress: 192.0.2.1
  bfdProfile: missing
",
        &[
            "9: BGPPeer tor: spec.bfdProfile: there is no BFDProfile missing; the session runs without BFD",
        ],
    ),
    (
        "
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  annotations:
    landfall.dev/load-balancer-ips: 192.0.2.1, 2001:db8::1, 192.0.2.3
    metallb.universe.tf/loadBalancerIPs: 192.0.2.300
spec: {type: LoadBalancer, ports: [{port: 80}]}
",
        &[
            "8: Service shop/web: metadata.annotations[landfall.dev/load-balancer-ips]: 3 addresses are too many (one, or one of each family)",
            "9: Service shop/web: metadata.annotations[metallb.universe.tf/loadBalancerIPs]: '192.0.2.300' is no address, such as 192.0.2.10 or 2001:db8::10",
        ],
    ),
    (
        "
apiVersion: v1
kind: Service
metadata:
  name: web
  annotations: {metallb.io/loadBalancerIPs: 192.0.2.1}
spec:
  type: LoadBalancer
  ipFamilies: [IPv6]
  loadBalancerIP: 192.0.2.2
",
        &[
            "9: Service web: spec.ipFamilies: an annotation asks for 192.0.2.1, whose family is not among these",
            "10: Service web: spec.loadBalancerIP: an annotation asks for addresses, too; leave one of both out",
        ],
    ),
    (
        "a: 1\n---\n{apiVersion: landfall.dev/v1alpha1, kind: L2Advertisement, spec: {}}",
        &[
            "1: an object without a kind: kind: an object needs apiVersion and kind",
            "3: L2Advertisement: metadata.name: an object needs a name",
        ],
    ),
];

#[test]
fn every_problem_has_its_line_its_field_and_a_hint() {
    for (text, expected) in OWN.iter().chain(OTHERS) {
        let (status, lines) = said(text);
        assert_eq!(lines, *expected, "{text}");
        assert_eq!(status, 1, "{text}");
    }
}

#[test]
fn what_is_in_order_ends_well_and_other_kinds_are_named() {
    let text = "
apiVersion: landfall.dev/v1alpha1
kind: AddressPool
metadata: {name: blue}
spec: {addresses: [192.0.2.0/24]}
---
# Nothing here.
---
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {landfall.dev/load-balancer-ips: nonsense}}
spec: {type: ClusterIP, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
";
    let (status, lines) = said(text);
    let expected = [
        "14: Deployment shop/web: skipped, nothing here judges it",
        "2 objects in order, 1 skipped",
    ];
    assert_eq!((status, lines), (0, expected.map(str::to_owned).to_vec()));
}

#[test]
fn pools_of_all_files_are_compared() {
    let files = Files::new();
    let pool = |name: &str, network: &str| {
        format!(
            "apiVersion: landfall.dev/v1alpha1\nkind: AddressPool\nmetadata: {{name: {name}}}\nspec:\n  addresses: [{network}]\n"
        )
    };
    let one = files.write("one.yaml", &pool("blue", "192.0.2.0/24"));
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}- {}",
        "apiVersion: metallb.io/v1beta1\n  kind: IPAddressPool\n  metadata: {name: red}\n  spec:\n    addresses: [192.0.2.128/25, 198.51.100.0/24]\n",
        pool("blue", "203.0.113.0/24")
            .replace('\n', "\n  ")
            .trim_end(),
    );
    let two = files.write("two.yaml", &list);
    let said = landfall(&["validate", &one, &two], "");
    let expected = [
        format!(
            "{two}:8: IPAddressPool red: spec.addresses: 192.0.2.128/25 is in AddressPool blue already ({one}:5)"
        ),
        format!("{two}:11: AddressPool blue: metadata.name: it stands at {one}:1 already"),
    ];
    assert_eq!((said.status, said.out), (1, expected.to_vec()));
    assert!(said.errors.contains("2 problems"), "{}", said.errors);
}

#[test]
fn a_key_that_stands_there_twice_is_told() {
    let text = "
apiVersion: landfall.dev/v1alpha1
kind: AddressPool
metadata: {name: blue}
spec:
  addresses: [192.0.2.1/24]
  addresses: [192.0.2.0/24]
";
    let (status, lines) = said(text);
    let expected = "7: spec.addresses: this key stands there already; the last one counts";
    assert_eq!((status, lines), (1, vec![expected.to_owned()]));
}

#[test]
fn a_file_that_is_no_yaml_does_not_hide_the_others() {
    let files = Files::new();
    let broken = files.write("broken.yaml", "a: 1\nb: [1, 2\nc: }\n");
    let bad = files.write("bad.yaml", "{kind: AddressPool, apiVersion: landfall.dev/v1alpha1, metadata: {name: a}, spec: {addresses: []}}");
    let said = landfall(&["validate", &broken, &bad], "");
    assert_eq!(said.status, 1);
    assert!(
        said.out[0].starts_with(&format!("{broken}:")),
        "{:?}",
        said.out
    );
    assert!(said.out[0].contains(": no YAML: "), "{:?}", said.out);
    let expected = format!("{bad}:1: AddressPool a: spec.addresses: a pool needs addresses");
    assert_eq!(said.out[1..], [expected]);
}

#[test]
fn a_file_that_is_not_there_is_an_error_of_the_call() {
    let said = landfall(&["validate", "/nowhere/pools.yaml"], "");
    assert_eq!(said.status, 2);
    assert!(
        said.errors.contains("/nowhere/pools.yaml: cannot be read"),
        "{}",
        said.errors
    );
    assert_eq!(landfall(&["validate"], "").status, 2);
}
