//! MetalLB's objects, and what they become. The objects here are our own, from the documented fields.
#![expect(clippy::unwrap_used, reason = "tests")]

mod advertisements;
mod annotations;
mod peers;
mod pools;
mod reading;

use landfall_bare_metal_resources::metallb::{Converted, Note, Object, Scope, convert};
use serde_json::Value;

fn objects(yaml: &str) -> Vec<Object> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    documents
        .iter()
        .map(|it| Object::read(it).unwrap().expect("an object of MetalLB's"))
        .collect()
}

/// What documents become; the order that they stand in makes no difference.
fn converted(yaml: &str) -> Converted {
    let mut objects = objects(yaml);
    let converted = convert(&objects);
    objects.reverse();
    assert_eq!(convert(&objects), converted, "depends on the order");
    converted
}

/// An object from its kind, its name, and the lines of its spec, which are written with two spaces.
fn document(kind: &str, name: &str, spec: &str) -> String {
    let version = if kind == "BGPPeer" {
        "v1beta2"
    } else {
        "v1beta1"
    };
    format!(
        "---\napiVersion: metallb.io/{version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: metallb-system}}\nspec:\n{spec}\n"
    )
}

fn said(notes: &[Note], scope: Scope) -> Vec<String> {
    let notes = notes.iter().filter(|it| it.scope == scope);
    notes.map(ToString::to_string).collect()
}
