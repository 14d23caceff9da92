//! `landfall migrate`: from MetalLB's objects to our own.

use std::path::{Path, PathBuf};

use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client};
use landfall_bare_metal_resources::metallb::{Converted, Equal, GROUP, Object, Scope, convert};
use landfall_bare_metal_resources::{Fault, metallb};
use landfall_process::{Failure, say};
use serde::Serialize;

use crate::kubernetes;
use crate::manifests::{self, objects};

/// MetalLB's kinds that say what it does: version, kind, plural.
const KINDS: [(&str, &str, &str); 6] = [
    ("v1beta1", "IPAddressPool", "ipaddresspools"),
    ("v1beta1", "L2Advertisement", "l2advertisements"),
    ("v1beta1", "BGPAdvertisement", "bgpadvertisements"),
    ("v1beta2", "BGPPeer", "bgppeers"),
    ("v1beta1", "BFDProfile", "bfdprofiles"),
    ("v1beta1", "Community", "communities"),
];

/// Prints our own objects in place of MetalLB's in these files, and what could not be carried over.
pub(crate) fn files(files: &[PathBuf]) -> Result<(), Failure> {
    let manifests = manifests::read(files)?;
    let mut read = Vec::new();
    for file in &manifests {
        if let Some(error) = file.broken.first() {
            let place = format!("{}:{}", file.name, error.line);
            return Err(Failure::usage(format!(
                "{place}: no YAML: {}",
                error.message
            )));
        }
    }
    for object in objects(&manifests) {
        match Object::read(object.value) {
            Ok(found) => read.extend(found),
            Err(fault) => {
                let place = object.at(&fault.field);
                return Err(Failure::usage(format!("{place}: {object}: {fault}")));
            }
        }
    }
    print(&read)
}

/// The same for the objects in a namespace of a cluster.
pub(crate) async fn cluster(kubeconfig: Option<&Path>, namespace: &str) -> Result<(), Failure> {
    let client = kubernetes::client(kubeconfig).await?;
    let mut read = Vec::new();
    for (version, kind, plural) in KINDS {
        for value in list(&client, namespace, version, kind, plural).await? {
            let found = Object::read(&value).map_err(|fault| {
                let name = value.pointer("/metadata/name").and_then(|it| it.as_str());
                Failure::run(format!("{kind} {}: {fault}", name.unwrap_or_default()))
            })?;
            read.extend(found);
        }
    }
    print(&read)
}

/// All objects of a kind. A cluster that does not know the kind has none.
async fn list(
    client: &Client,
    namespace: &str,
    version: &str,
    kind: &str,
    plural: &str,
) -> Result<Vec<serde_json::Value>, Failure> {
    let resource = ApiResource {
        group: GROUP.to_owned(),
        version: version.to_owned(),
        api_version: format!("{GROUP}/{version}"),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    };
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let found = match api.list(&ListParams::default()).await {
        Ok(found) => found.items,
        Err(kube::Error::Api(status)) if status.is_not_found() => Vec::new(),
        Err(error) => return Err(Failure::run(format!("cannot list {plural}: {error}"))),
    };
    // Items of a list do not say what they are.
    let whole = found.into_iter().map(|mut item| {
        item.types = Some(kube::api::TypeMeta {
            api_version: resource.api_version.clone(),
            kind: resource.kind.clone(),
        });
        item.metadata.managed_fields = None;
        serde_json::to_value(item).map_err(Failure::run)
    });
    whole.collect()
}

fn print(read: &[metallb::Object]) -> Result<(), Failure> {
    if read.is_empty() {
        return Err(Failure::run(
            "there is no object of MetalLB's to carry over",
        ));
    }
    let converted = convert(read);
    let faults = faults(&converted);
    for line in &faults {
        say(format_args!("# wrong: {line}"))?;
    }
    for note in &converted.notes {
        let concerns = match note.scope {
            Scope::Meaning => "not carried over",
            Scope::Writing => "to do",
        };
        say(format_args!(
            "# {concerns}: {}",
            note.to_string().replace('\n', " ")
        ))?;
    }
    documents(&converted.pools)?;
    documents(&converted.l2_advertisements)?;
    documents(&converted.bgp_advertisements)?;
    documents(&converted.peers)?;
    match faults.len() {
        0 => Ok(()),
        1 => Err(Failure::run("1 fault, which the first line tells")),
        count => Err(Failure::run(format!(
            "{count} faults, which the first lines tell"
        ))),
    }
}

/// What is wrong with MetalLB's objects themselves, and so with those in their place.
fn faults(converted: &Converted) -> Vec<String> {
    fn of<O, P>(equals: &[Equal<O, P>]) -> impl Iterator<Item = String> {
        let each = |it: &Equal<O, P>| {
            let faults: &[Fault] = it.meaning.as_ref().err().map_or(&[], Vec::as_slice);
            let lines = faults.iter().map(|fault| format!("{}: {fault}", it.source));
            lines.collect::<Vec<_>>()
        };
        equals.iter().flat_map(each)
    }
    of(&converted.pools)
        .chain(of(&converted.l2_advertisements))
        .chain(of(&converted.bgp_advertisements))
        .chain(of(&converted.peers))
        .collect()
}

fn documents<O: Serialize, P>(equals: &[Equal<O, P>]) -> Result<(), Failure> {
    for object in equals.iter().flat_map(|it| &it.written) {
        let text = serde_saphyr::to_string(object).map_err(Failure::run)?;
        say(format_args!("---\n{}", text.trim_end()))?;
    }
    Ok(())
}
