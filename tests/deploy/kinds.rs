//! The custom resources: the file in `deploy/crds` is what the program prints, and a real API server
//! refuses what their rules forbid, with messages that name field and fault.

use std::process::Command;

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client, Error};
use landfall_bare_metal_resources::kinds::SpeakerReport;
use landfall_bare_metal_resources::{BgpRule, Fault, L2Rule, Peer, Pool, Reservation};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::plane::{Plane, documents, object, until};
use crate::process::output;
use crate::tables::{self, Table};

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
pub async fn kinds() -> Option<Plane> {
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

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster knows no rules in CEL"]
async fn a_real_api_server_takes_what_means_something_and_names_the_one_fault_of_the_rest() {
    let Some(plane) = kinds().await else {
        return;
    };
    let mut wrong = Vec::new();
    for Table {
        kind,
        good,
        refused,
    } in tables::all()
    {
        for spec in good {
            if let Err(said) = answer(&plane.client, kind, &spec).await {
                wrong.push(format!("{kind} {spec} was refused: {said}"));
            }
        }
        for (spec, field, words) in refused {
            let Err(error) = answer(&plane.client, kind, &spec).await else {
                wrong.push(format!("{kind} {spec} was taken"));
                continue;
            };
            let causes = causes(error);
            if !matches!(&causes[..], [(at, said)] if *at == path(field) && said.contains(words)) {
                wrong.push(format!("{kind} {spec}: {causes:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
#[ignore = "needs a real control plane, whose words these are"]
async fn a_real_api_server_takes_what_a_speaker_reports_and_names_the_fault_of_the_rest() {
    let Some(plane) = kinds().await else {
        return;
    };
    let table = tables::reports();
    let speakers = api(&plane.client, table.kind);
    let wanted: DynamicObject = object(json!({
        "apiVersion": "landfall.dev/v1alpha1",
        "kind": table.kind,
        "metadata": {"name": "tried"},
        "spec": {},
    }));
    // A try before this one may have left it.
    plane.try_kubectl("delete speakerstatus tried");
    let created = speakers.create(&PostParams::default(), &wanted).await;
    created.unwrap();
    let report = async |status: &Value| {
        let patch = Patch::Merge(json!({"status": status}));
        let dry = PatchParams {
            dry_run: true,
            ..PatchParams::default()
        };
        speakers.patch_status("tried", &dry, &patch).await
    };
    let mut wrong = Vec::new();
    for status in table.good {
        match report(&status).await {
            Err(said) => wrong.push(format!("{status} was refused: {said}")),
            Ok(taken) => {
                let read = serde_json::from_value::<SpeakerReport>(taken.data["status"].clone());
                let meant = serde_json::from_value::<SpeakerReport>(status).unwrap();
                assert_eq!(read.unwrap(), meant);
            }
        }
    }
    for (status, field, words) in table.refused {
        let Err(error) = report(&status).await else {
            wrong.push(format!("{status} was taken"));
            continue;
        };
        let causes = causes(error);
        let field = format!("status.{field}");
        if !matches!(&causes[..], [(at, said)] if *at == field && said.contains(words)) {
            wrong.push(format!("{status}: {causes:?}"));
        }
    }
    let parameters = kube::api::DeleteParams::default();
    speakers.delete("tried", &parameters).await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster publishes no descriptions"]
async fn kubectl_tells_what_a_speaker_reports() {
    let Some(plane) = kinds().await else {
        return;
    };
    // An API server publishes the description of a new kind a while after it serves it.
    until("it is explained", async || {
        let (_, said) = plane.try_kubectl("explain speakerstatus.status.addresses");
        ["contestedBy", "listens whether", "interfaces"]
            .iter()
            .all(|it| said.contains(it))
    })
    .await;
    let (listed, said) = plane.try_kubectl("get speakers -o wide");
    assert!(listed, "{said}");
}

fn path(field: &str) -> String {
    format!("spec.{field}").trim_end_matches('.').to_owned()
}

/// Nothing said, if the spec does not even have the right types.
fn read<T: DeserializeOwned>(
    object: Value,
    parse: impl Fn(&T) -> Result<(), Vec<Fault>>,
) -> Result<(), Vec<Fault>> {
    match serde_json::from_value(object) {
        Ok(object) => parse(&object),
        Err(_) => Err(Vec::new()),
    }
}

/// What the parser finds.
fn parse(kind: &str, spec: &Value) -> Result<(), Vec<Fault>> {
    let object = json!({"metadata": {"name": "tried"}, "spec": spec});
    match kind {
        "AddressPool" => read(object, |it| Pool::parse(it).map(drop)),
        "AddressReservation" => read(object, |it| Reservation::parse(it).map(drop)),
        "L2Advertisement" => read(object, |it| L2Rule::parse(it).map(drop)),
        "BGPAdvertisement" => read(object, |it| BgpRule::parse(it).map(drop)),
        "BGPPeer" => read(object, |it| Peer::parse(it).map(drop)),
        _ => panic!("{kind} has no parser"),
    }
}

#[test]
fn the_parser_judges_as_the_rules_do() {
    let mut wrong = Vec::new();
    for Table {
        kind,
        good,
        refused,
    } in tables::all()
    {
        for spec in good {
            if let Err(faults) = parse(kind, &spec) {
                wrong.push(format!("{kind} {spec} was refused: {faults:?}"));
            }
        }
        for (spec, field, _) in refused {
            match parse(kind, &spec) {
                Ok(()) => wrong.push(format!("{kind} {spec} was taken")),
                Err(faults) => {
                    if faults.first().is_some_and(|it| it.field != path(field)) {
                        wrong.push(format!("{kind} {spec}: {faults:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
#[ignore = "needs a real control plane: a mock cluster knows no defaults of schemas"]
async fn what_is_left_out_of_a_pool_is_filled_in() {
    let Some(plane) = kinds().await else {
        return;
    };
    let spec = json!({"addresses": ["192.0.2.0/24"]});
    let stored = answer(&plane.client, "AddressPool", &spec).await;
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
async fn a_reservation_cannot_be_changed() {
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
    // A try before this one may have left it.
    plane.try_kubectl("delete addressreservation kept");
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
