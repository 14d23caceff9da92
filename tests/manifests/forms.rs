//! `landfall validate` of whatever form people's manifests have, and of what they ask for together.

use crate::validating::said;
use crate::{Files, landfall};

/// A pool whose address is wrong, in line 6.
const POOL: &str = "\
apiVersion: landfall.dev/v1alpha1
kind: AddressPool
metadata: {name: office}
spec:
  addresses:
  - 192.0.2.1/24
";
/// What is wrong with it.
const FAULT: &str = "AddressPool office: spec.addresses[0]: 192.0.2.1/24 has bits set beyond the prefix length (did you mean 192.0.2.0/24?)";

#[test]
fn lines_are_right_in_whatever_form_a_manifest_comes() {
    let list = POOL.trim_end().replace('\n', "\n  ");
    let json = "{\n\t\"apiVersion\": \"landfall.dev/v1alpha1\",\n\t\"kind\": \"AddressPool\",\n\t\"metadata\": \
                {\"name\": \"office\"},\n\t\"spec\": {\"addresses\": [\n\t\t\"192.0.2.1/24\"\n\t]}\n}\n";
    let anchor = "apiVersion: landfall.dev/v1alpha1\nkind: AddressPool\nmetadata: &it {name: office}\nspec:\n  \
                  description: &net 192.0.2.1/24\n  addresses:\n  - *net\n";
    for (text, line) in [
        (POOL.to_owned(), 6),
        (POOL.replace('\n', "\r\n"), 6),
        (format!("\u{feff}{POOL}"), 6),
        (format!("# First\n---\n---\n{POOL}---\n"), 9),
        (format!("%YAML 1.2\n---\n{POOL}...\n"), 8),
        (format!("apiVersion: v1\nkind: List\nitems:\n- {list}\n"), 9),
        (json.to_owned(), 6),
    ] {
        assert_eq!(said(&text), (1, vec![format!("{line}: {FAULT}")]), "{text}");
    }
    // What an alias stands for is wrong where it is used.
    let unknown = "5: AddressPool office: spec.description: there is no such field";
    let expected = vec![unknown.to_owned(), format!("7: {FAULT}")];
    assert_eq!(said(anchor), (1, expected));
}

#[test]
fn a_document_that_is_no_yaml_does_not_hide_the_others() {
    let (status, lines) = said(&format!("a: [\n---\n{POOL}---\nkind: {{{{ .Values }}}}\n"));
    assert_eq!((status, lines.len()), (1, 3), "{lines:?}");
    assert!(
        lines[0].starts_with("2: no YAML: ") || lines[0].starts_with("1: no YAML: "),
        "{lines:?}"
    );
    assert_eq!(lines[1], format!("8: {FAULT}"));
    assert!(lines[2].starts_with("10: no YAML: "), "{lines:?}");
}

#[test]
fn a_file_of_many_documents_is_read_whole() {
    let other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: a, name: a";
    let others = (0..2_000).map(|number| format!("{other}{number}}}\n---\n"));
    let text = others.collect::<String>() + POOL;
    let (status, lines) = said(&text);
    assert_eq!((status, lines.len()), (1, 2_001));
    assert_eq!(lines[2_000], format!("8006: {FAULT}"));
}

#[test]
fn what_holds_nothing_or_no_text_is_told() {
    let files = Files::new();
    for text in ["", "# Nothing\n---\n---\n"] {
        let empty = files.write("empty.yaml", text);
        let said = landfall(&["validate", &empty], "");
        let expected = [
            format!("{empty}: no object in it"),
            "0 objects in order, 0 skipped".to_owned(),
        ];
        assert_eq!((said.status, said.out), (0, expected.to_vec()));
    }
    let folder = tempfile::tempdir().unwrap();
    let junk = folder.path().join("junk.yaml");
    std::fs::write(&junk, b"kind: A\n\xff\xfe\0\n").unwrap();
    for (path, expected) in [
        (folder.path(), "it is a folder; name the files in it"),
        (&junk, "line 2 is no text in UTF-8"),
    ] {
        let said = landfall(&["validate", path.to_str().unwrap()], "");
        assert_eq!(said.status, 2);
        assert!(said.errors.contains(expected), "{}", said.errors);
    }
}

#[test]
fn what_a_service_asks_for_and_no_file_has_is_told_and_is_no_problem() {
    let asks = "
apiVersion: v1
kind: Service
metadata:
  name: web
  annotations:
    landfall.dev/address-pool: POOL
    landfall.dev/load-balancer-ips: ADDRESS
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: door, namespace: shop, annotations: {landfall.dev/reservation: front}}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: landfall.dev/v1alpha1
kind: AddressReservation
metadata: {name: front, namespace: NAMESPACE}
spec: {address: 192.0.2.7}
---
";
    let good = POOL.replace("192.0.2.1/24", "192.0.2.0/24");
    let with = |pool: &str, address: &str, namespace: &str| {
        let text = asks.replace("POOL", pool).replace("ADDRESS", address);
        text.replace("NAMESPACE", namespace)
    };
    let (status, lines) = said(&(with("offise", "198.51.100.1", "default") + &good));
    let expected = [
        "6: Service web: it asks for the pool offise, which is in none of these files",
        "6: Service web: it needs a pool that may give 198.51.100.1, which is in none of these files",
        "13: Service shop/door: it asks for the reservation front, which is in none of these files",
        "4 objects in order, 0 skipped",
    ];
    assert_eq!((status, lines), (0, expected.map(str::to_owned).to_vec()));
    let fits = with("office", "192.0.2.9", "shop");
    let alone = with("offise", "198.51.100.1", "default");
    for (text, count) in [(fits + &good, 4), (alone, 3)] {
        let expected = format!("{count} objects in order, 0 skipped");
        assert_eq!(said(&text), (0, vec![expected]));
    }
}

#[test]
fn what_an_advertisement_names_and_no_file_has_is_told_and_is_no_problem() {
    let advertisement = "
apiVersion: landfall.dev/v1alpha1
kind: BGPAdvertisement
metadata: {name: routed}
spec:
  pools: [office, offise]
  peers:
  - tor-1
  - tor-2
---
";
    let peer = "
apiVersion: landfall.dev/v1alpha1
kind: BGPPeer
metadata: {name: tor-1}
spec: {localASN: 64512, peerASN: 64500, address: 192.0.2.254}
---
";
    let pool = POOL.replace("192.0.2.1/24", "192.0.2.0/24");
    let all = format!("{advertisement}{peer}{pool}");
    let expected = [
        "6: BGPAdvertisement routed: spec.pools[1]: offise is in none of these files",
        "9: BGPAdvertisement routed: spec.peers[1]: tor-2 is in none of these files",
        "3 objects in order, 0 skipped",
    ];
    assert_eq!(said(&all), (0, expected.map(str::to_owned).to_vec()));
    let alone = "1 object in order, 0 skipped".to_owned();
    assert_eq!(said(advertisement), (0, vec![alone]));
}
