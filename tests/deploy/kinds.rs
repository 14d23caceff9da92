//! The custom resources: the file in `deploy/crds` is what the program prints, and a real API server
//! refuses what their rules forbid, with messages that name field and fault.

use std::process::Command;

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client, Error};
use serde_json::{Value, json};

use crate::plane::{Plane, documents, object, until};
use crate::process::output;

const FILE: &str = "deploy/crds/crds.yaml";

#[test]
fn the_definitions_in_deploy_are_those_that_the_program_prints() {
    let (printed, text) = output(Command::new(env!("CARGO_BIN_EXE_landfall")).arg("crds"));
    assert!(printed, "{text}");
    let kept = std::fs::read_to_string(FILE).unwrap();
    assert!(
        kept == text,
        "{FILE} is out of date; write it anew with: cargo run -- crds > {FILE}"
    );
}

/// The kinds are there, and can be asked for.
async fn kinds() -> Option<Plane> {
    let plane = Plane::find().await?;
    until("the kinds are there", async || {
        // Others apply them at the same time.
        let (applied, said) = plane.try_kubectl("apply -k deploy/crds");
        assert!(!said.contains("Warning"), "{said}");
        applied && plane.try_kubectl("get -A landfall").0
    })
    .await;
    Some(plane)
}

fn api(client: &Client, kind: &str) -> Api<DynamicObject> {
    let definitions = documents(FILE);
    let definition = definitions
        .iter()
        .find(|it| it["spec"]["names"]["kind"] == kind)
        .unwrap();
    let resource = ApiResource {
        group: "landfall.dev".to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: "landfall.dev/v1alpha1".to_owned(),
        kind: kind.to_owned(),
        plural: definition["spec"]["names"]["plural"]
            .as_str()
            .unwrap()
            .to_owned(),
    };
    if definition["spec"]["scope"] == "Namespaced" {
        Api::namespaced_with(client.clone(), "default", &resource)
    } else {
        Api::all_with(client.clone(), &resource)
    }
}

/// What the API server says to an object: what it would store, or why not.
async fn answer(client: &Client, kind: &str, spec: &Value) -> Result<Value, Error> {
    let wanted: DynamicObject = object(json!({
        "apiVersion": "landfall.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "tried"},
        "spec": spec,
    }));
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let created = api(client, kind).create(&dry, &wanted).await;
    created.map(|it| it.data["spec"].clone())
}

pub async fn taken(kind: &str, specs: impl IntoIterator<Item = Value>) {
    let Some(plane) = kinds().await else {
        return;
    };
    for spec in specs {
        if let Err(said) = answer(&plane.client, kind, &spec).await {
            panic!("{kind} {spec} was refused: {said}");
        }
    }
}

/// Each spec is refused for one reason: this field, in these words.
pub async fn refused(kind: &str, rows: impl IntoIterator<Item = (Value, &str, &str)>) {
    let Some(plane) = kinds().await else {
        return;
    };
    let mut wrong = Vec::new();
    for (spec, field, words) in rows {
        match answer(&plane.client, kind, &spec).await {
            Ok(_) => wrong.push(format!("{spec} was taken")),
            Err(error) => {
                let causes = causes(error);
                let [(said_field, said)] = &causes[..] else {
                    wrong.push(format!("{spec}: not one reason: {causes:?}"));
                    continue;
                };
                if said_field != field || !said.contains(words) {
                    wrong.push(format!("{spec}: {causes:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{kind}: {}", wrong.join("\n"));
}

/// Fields, and what is wrong with them. An API server that finds one adds that it looked no further.
fn causes(error: Error) -> Vec<(String, String)> {
    let Error::Api(status) = error else {
        panic!("no answer of an API server: {error}");
    };
    let causes = status.details.into_iter().flat_map(|it| it.causes);
    causes
        .filter(|it| {
            !it.message
                .contains("some validation rules were not checked")
        })
        .map(|it| (it.field, it.message))
        .collect()
}

fn pool(address: &str) -> Value {
    json!({"addresses": [address]})
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster knows no rules in CEL"]
async fn pools_that_mean_something_are_taken_and_completed() {
    let addresses = [
        "192.0.2.0/24",
        "192.0.2.10-192.0.2.20",
        "192.0.2.10-192.0.2.10",
        "192.0.2.10",
        "0.0.0.0/0",
        "127.200.0.0/16",
        "2001:db8::/32",
        "2001:db8::1-2001:db8::ffff",
        "2001:DB8::1",
        "::/0",
    ];
    taken("AddressPool", addresses.map(pool)).await;
    let selector = json!({"matchExpressions": [
        {"key": "team", "operator": "In", "values": ["a"]},
        {"key": "test", "operator": "DoesNotExist"},
    ]});
    let rest = ["0s", "90s", "5m", "1h30m", "168h"].map(|time| {
        json!({
            "addresses": ["192.0.2.0/24", "2001:db8::/64"],
            "exclude": ["192.0.2.1"],
            "allocation": "OnRequest",
            "priority": 0,
            "namespaceSelector": {},
            "serviceSelector": selector,
            "skipNetworkAndBroadcast": true,
            "reuseAfter": time,
            "sharing": "AnyNamespace",
        })
    });
    taken("AddressPool", rest).await;
    let Some(plane) = kinds().await else {
        return;
    };
    let stored = answer(&plane.client, "AddressPool", &pool("192.0.2.0/24")).await;
    let complete = json!({
        "addresses": ["192.0.2.0/24"],
        "allocation": "Automatic",
        "priority": 100,
        "reuseAfter": "60s",
        "sharing": "SameNamespace",
        "skipNetworkAndBroadcast": false,
    });
    assert_eq!(stored.unwrap(), complete);
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster knows no rules in CEL"]
async fn addresses_that_mean_nothing_are_refused() {
    let form = "neither a network";
    let never = "no Service can have";
    let rows = [
        ("192.0.2.300", form),
        ("192.0.2.0/33", form),
        ("192.0.2.1-", form),
        ("192.0.2.1 - 192.0.2.9", form),
        ("192.0.2.1-192.0.2.5-192.0.2.9", form),
        ("192.0.2.1-9", form),
        ("lb.example.org", form),
        ("::ffff:c000:201", form),
        ("fe80::1%eth0", "no zone"),
        ("fe80::1%a-fe80::2%b%c", "no zone"),
        ("::ffff:192.0.2.1", "not inside an IPv6 address"),
        ("::ffff:192.0.2.0/120", "not inside an IPv6 address"),
        ("192.0.2.1/24", "bits are set"),
        ("2001:db8::1/64", "bits are set"),
        ("192.0.2.1-2001:db8::1", "one family"),
        ("192.0.2.9-192.0.2.1", "reversed"),
        ("192.0.3.0-192.0.2.255", "reversed"),
        ("0.0.0.0", never),
        ("::", never),
        ("255.255.255.255", never),
        ("224.0.0.0/4", never),
        ("239.1.0.0/16", never),
        ("ff02::1", never),
    ];
    let as_address = rows.map(|(entry, words)| (pool(entry), "spec.addresses[0]", words));
    refused("AddressPool", as_address).await;
    let as_exclusion = rows.map(|(entry, words)| {
        let spec = json!({"addresses": ["0.0.0.0/0"], "exclude": ["192.0.2.1", entry]});
        (spec, "spec.exclude[1]", words)
    });
    refused("AddressPool", as_exclusion).await;
}

/// A good pool with one field that is not.
fn with(field: &str, value: Value) -> Value {
    let mut spec = pool("192.0.2.0/24");
    spec[field] = value;
    spec
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster knows no rules in CEL"]
async fn pools_with_a_wrong_field_are_refused() {
    let expression = |expression: Value| json!({"matchExpressions": [expression]});
    let rows = [
        (json!({"addresses": []}), "spec.addresses", "at least 1"),
        (json!({}), "spec.addresses", "Required"),
        (
            json!({"addresses": vec!["192.0.2.1"; 1001]}),
            "spec.addresses",
            "at most 1000",
        ),
        (
            with("allocation", json!("Sometimes")),
            "spec.allocation",
            "Automatic",
        ),
        (
            with("sharing", json!("always")),
            "spec.sharing",
            "SameNamespace",
        ),
        (
            with("priority", json!(-1)),
            "spec.priority",
            "greater than or equal to 0",
        ),
        (
            with("priority", json!(1_000_001)),
            "spec.priority",
            "less than or equal to 1000000",
        ),
        (
            with("reuseAfter", json!("60")),
            "spec.reuseAfter",
            "a number with a unit",
        ),
        (
            with("reuseAfter", json!("-5s")),
            "spec.reuseAfter",
            "a number with a unit",
        ),
        (
            with("reuseAfter", json!("soon")),
            "spec.reuseAfter",
            "a number with a unit",
        ),
        (
            with("reuseAfter", json!("169h")),
            "spec.reuseAfter",
            "a week",
        ),
        (
            with(
                "namespaceSelector",
                expression(json!({"key": "a", "operator": "Is", "values": ["b"]})),
            ),
            "spec.namespaceSelector.matchExpressions[0].operator",
            "DoesNotExist",
        ),
        (
            with(
                "serviceSelector",
                expression(json!({"key": "a", "operator": "In"})),
            ),
            "spec.serviceSelector.matchExpressions[0]",
            "need values",
        ),
        (
            with(
                "serviceSelector",
                expression(json!({"key": "a", "operator": "Exists", "values": ["b"]})),
            ),
            "spec.serviceSelector.matchExpressions[0]",
            "take none",
        ),
    ];
    refused("AddressPool", rows).await;
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster knows no rules in CEL"]
async fn reservations_name_one_thing_and_keep_it() {
    let good = [
        json!({"address": "192.0.2.1"}),
        json!({"address": "2001:db8::1"}),
        json!({"pool": "blue"}),
        json!({"pool": "blue", "family": "IPv6"}),
        json!({"pool": "blue", "family": null}),
    ];
    taken("AddressReservation", good).await;
    let rows = [
        (json!({}), "spec", "either an address or a pool"),
        (
            json!({"address": "192.0.2.1", "pool": "blue"}),
            "spec",
            "either an address or a pool",
        ),
        (
            json!({"address": "192.0.2.1", "family": "IPv4"}),
            "spec.family",
            "goes with pool",
        ),
        (
            json!({"pool": "blue", "family": "v4"}),
            "spec.family",
            "IPv6",
        ),
        (json!({"pool": "Blue"}), "spec.pool", "should match"),
        (
            json!({"address": "192.0.2.0/24"}),
            "spec.address",
            "is needed",
        ),
        (
            json!({"address": "fe80::1%eth0"}),
            "spec.address",
            "is needed",
        ),
        (json!({"address": "224.0.0.1"}), "spec.address", "is needed"),
    ];
    refused("AddressReservation", rows).await;
    let Some(plane) = kinds().await else {
        return;
    };
    let api = api(&plane.client, "AddressReservation");
    let wanted = object(json!({
        "apiVersion": "landfall.dev/v1alpha1",
        "kind": "AddressReservation",
        "metadata": {"name": "kept"},
        "spec": {"pool": "blue"},
    }));
    api.create(&PostParams::default(), &wanted).await.unwrap();
    for change in [json!({"pool": "red"}), json!({"family": "IPv6"})] {
        let patch = Patch::Merge(json!({"spec": change}));
        let patched = api.patch("kept", &PatchParams::default(), &patch).await;
        let causes = causes(patched.unwrap_err());
        assert!(
            matches!(&causes[..], [(field, said)] if field == "spec" && said.contains("cannot be changed")),
            "{causes:?}"
        );
    }
    api.delete("kept", &kube::api::DeleteParams::default())
        .await
        .unwrap();
}
