//! Whether a `CustomResourceDefinition` is sound, told with the paths and words of the real server.
//! It judges and knows no store; costs of rules are not estimated.

mod rules;
mod schema;
mod structural;

use serde_json::Value;

use crate::answer::FieldError;
use crate::custom::{Path, Schema};
use crate::names;

/// Types of printer columns.
const COLUMN_TYPES: &str = "boolean,date,integer,number,string";
/// What groups of the Kubernetes community need.
const APPROVED: &str = "api-approved.kubernetes.io";
const SCOPES: [&str; 2] = ["Cluster", "Namespaced"];

/// Every fault of a new definition or of a change.
pub(crate) fn validate(new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let spec = &new["spec"];
    let name = text(&new["metadata"]["name"]);
    let wanted = format!(
        "{}.{}",
        text(&spec["names"]["plural"]),
        text(&spec["group"])
    );
    if old.is_none() && name != wanted {
        let why = r#"must be spec.names.plural+"."+spec.group"#;
        faults.push(FieldError::invalid("metadata.name", name, why));
    }
    group(new, &mut faults);
    scope(spec, &mut faults);
    versions(spec, &mut faults);
    all_names(&spec["names"], &mut faults);
    for (prefix, version) in parts(spec) {
        judge_version(&prefix, version, &mut faults);
    }
    conversion(spec, &mut faults);
    if spec["preserveUnknownFields"] == true {
        let why = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        faults.push(FieldError::invalid("spec.preserveUnknownFields", true, why));
    }
    if let Some(old) = old {
        immutable(spec, &old["spec"], &mut faults);
    }
    faults
}

/// What is unwise about a definition and was not before.
pub(crate) fn warnings(new: &Value, old: Option<&Value>) -> Vec<String> {
    let before = old.map(formats).unwrap_or_default();
    let mut unknown = formats(new);
    unknown.retain(|format| !before.contains(format));
    let warn = |format: String| format!("unrecognized format {format:?}");
    unknown.into_iter().map(warn).collect()
}

fn formats(definition: &Value) -> Vec<String> {
    let mut unknown = Vec::new();
    let versions = definition["spec"]["versions"].as_array();
    for version in versions.into_iter().flatten() {
        schema::unknown_formats(&version["schema"]["openAPIV3Schema"], &mut unknown);
    }
    unknown
}

/// Where each version's parts stand in messages, and the version. The real server thinks of what
/// all versions share as of one thing above them.
fn parts(spec: &Value) -> Vec<(Prefix, &Value)> {
    let versions = list(&spec["versions"]);
    let shared = |field: &str| {
        versions
            .iter()
            .all(|version| version[field] == versions[0][field])
    };
    let one = |field: &'static str, above: &str, index: usize| {
        if shared(field) {
            format!("spec.{above}")
        } else {
            format!("spec.versions[{index}].{field}")
        }
    };
    let prefix = |index: usize| Prefix {
        schema: one("schema", "validation", index),
        columns: one(
            "additionalPrinterColumns",
            "additionalPrinterColumns",
            index,
        ),
        selectable: one("selectableFields", "selectableFields", index),
        version: format!("spec.versions[{index}]"),
    };
    let all = versions.iter().enumerate();
    // What is shared is judged once.
    all.filter(|(index, version)| *index == 0 || **version != versions[0])
        .map(|(index, version)| (prefix(index), version))
        .collect()
}

struct Prefix {
    schema: String,
    columns: String,
    selectable: String,
    version: String,
}

fn judge_version(prefix: &Prefix, version: &Value, faults: &mut Vec<FieldError>) {
    let deprecated = version["deprecated"] == true;
    if !deprecated && !version["deprecationWarning"].is_null() {
        let field = format!("{}.deprecationWarning", prefix.version);
        let why = "can only be set for deprecated versions";
        faults.push(FieldError::invalid(
            field,
            version["deprecationWarning"].clone(),
            why,
        ));
    }
    let written = &version["schema"]["openAPIV3Schema"];
    if written.is_null() {
        let field = format!("{}.schema.openAPIV3Schema", prefix.version);
        faults.push(FieldError::required(field, ""));
        return;
    }
    let path = format!("{}.openAPIV3Schema", prefix.schema);
    let has_status = version["subresources"]["status"].is_object();
    schema::root(&path, written, has_status, faults);
    let mut structural = structural::faults(&path, written);
    let sound = structural.is_empty();
    structural.sort_by_key(FieldError::message);
    faults.extend(structural);
    let parsed = Schema::parse(written);
    if sound {
        let before = faults.len();
        structural::defaults(&path, &parsed, faults);
        schema::faults(&path, written, faults);
        if faults.len() == before {
            rules::faults(&path, &parsed, faults);
        }
    } else {
        schema::faults(&path, written, faults);
    }
    columns(
        &prefix.columns,
        &version["additionalPrinterColumns"],
        faults,
    );
    selectable(
        &prefix.selectable,
        &version["selectableFields"],
        &parsed,
        faults,
    );
}

fn group(definition: &Value, faults: &mut Vec<FieldError>) {
    let group = text(&definition["spec"]["group"]);
    if group.is_empty() {
        faults.push(FieldError::required("spec.group", ""));
    } else if let Some(why) = names::subdomain_fault(group) {
        faults.push(FieldError::invalid("spec.group", group, why));
    } else if !group.contains('.') {
        let why = "should be a domain with at least one dot";
        faults.push(FieldError::invalid("spec.group", group, why));
    }
    let protected = ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|domain| group == *domain || group.ends_with(&format!(".{domain}")));
    if protected && definition["metadata"]["annotations"][APPROVED].is_null() {
        let why = format!(
            "protected groups must have approval annotation {APPROVED:?}, see https://github.com/kubernetes/enhancements/pull/1111"
        );
        let field = format!("metadata.annotations[{APPROVED}]");
        faults.push(FieldError::required(field, &why));
    }
}

fn scope(spec: &Value, faults: &mut Vec<FieldError>) {
    match text(&spec["scope"]) {
        "" => faults.push(FieldError::required("spec.scope", "")),
        scope if SCOPES.contains(&scope) => {}
        scope => faults.push(FieldError::not_supported("spec.scope", scope, &SCOPES)),
    }
}

fn versions(spec: &Value, faults: &mut Vec<FieldError>) {
    let all = list(&spec["versions"]);
    for (index, version) in all.iter().enumerate() {
        let name = text(&version["name"]);
        if let Some(why) = names::old_label_fault(name) {
            let field = format!("spec.versions[{index}].name");
            faults.push(FieldError::invalid(field, name, &why));
            if index == 0 {
                faults.push(FieldError::invalid("spec.version", name, &why));
            }
        }
    }
    let shown = || spec["versions"].clone();
    let names: Vec<&str> = all.iter().map(|version| text(&version["name"])).collect();
    let twice = |(index, name): (usize, &&str)| names[..index].contains(name);
    if names.iter().enumerate().any(twice) {
        let why = "must contain unique version names";
        faults.push(FieldError::invalid("spec.versions", shown(), why));
    }
    if all
        .iter()
        .filter(|version| version["storage"] == true)
        .count()
        != 1
    {
        let why = "must have exactly one version marked as storage version";
        faults.push(FieldError::invalid("spec.versions", shown(), why));
    }
}

fn all_names(all: &Value, faults: &mut Vec<FieldError>) {
    for field in ["plural", "singular", "kind", "listKind"] {
        if text(&all[field]).is_empty() {
            faults.push(FieldError::required(format!("spec.names.{field}"), ""));
        }
    }
    for field in ["plural", "singular"] {
        let name = text(&all[field]);
        if let Some(why) = names::old_label_fault(name).filter(|_| !name.is_empty()) {
            faults.push(FieldError::invalid(
                format!("spec.names.{field}"),
                name,
                why,
            ));
        }
    }
    for field in ["kind", "listKind"] {
        let name = text(&all[field]);
        let why = names::old_label_fault(&name.to_lowercase()).filter(|_| !name.is_empty());
        if let Some(why) = why {
            let why = format!("may have mixed case, but should otherwise match: {why}");
            faults.push(FieldError::invalid(
                format!("spec.names.{field}"),
                name,
                why,
            ));
        }
    }
    let kind = text(&all["kind"]);
    if !kind.is_empty() && kind == text(&all["listKind"]) {
        let why = "kind and listKind may not be the same";
        faults.push(FieldError::invalid("spec.names.listKind", kind, why));
    }
    for field in ["shortNames", "categories"] {
        for (index, name) in list(&all[field]).iter().map(text).enumerate() {
            if let Some(why) = names::old_label_fault(name) {
                let field = format!("spec.names.{field}[{index}]");
                faults.push(FieldError::invalid(field, name, why));
            }
        }
    }
}

fn columns(prefix: &str, columns: &Value, faults: &mut Vec<FieldError>) {
    for (index, column) in list(columns).iter().enumerate() {
        let at = format!("{prefix}[{index}]");
        if text(&column["name"]).is_empty() {
            faults.push(FieldError::required(format!("{at}.name"), ""));
        }
        let why = format!("must be one of {COLUMN_TYPES}");
        match text(&column["type"]) {
            "" => faults.push(FieldError::required(format!("{at}.type"), &why)),
            kind if COLUMN_TYPES.split(',').any(|known| known == kind) => {}
            kind => faults.push(FieldError::invalid(format!("{at}.type"), kind, why)),
        }
        let field = format!("{at}.JSONPath");
        match text(&column["jsonPath"]) {
            "" => faults.push(FieldError::required(field, "")),
            path if !path.starts_with('.') => {
                let why = "must be a simple json path starting with .";
                faults.push(FieldError::invalid(field, path, why));
            }
            _ => {}
        }
    }
}

fn selectable(prefix: &str, fields: &Value, schema: &Schema, faults: &mut Vec<FieldError>) {
    for (index, field) in list(fields).iter().enumerate() {
        let at = format!("{prefix}[{index}].jsonPath");
        let path = text(&field["jsonPath"]);
        if path.is_empty() {
            faults.push(FieldError::required(at, ""));
            continue;
        }
        let names = path.strip_prefix('.').map(|path| path.split('.'));
        let found = names.and_then(|mut names| {
            names.try_fold(schema, |schema, name| schema.properties.get(name))
        });
        if Path::parse(path).is_none() || found.is_none() {
            let why = "is an invalid path: does not refer to a valid field";
            faults.push(FieldError::invalid(at, path, why));
        }
    }
}

fn conversion(spec: &Value, faults: &mut Vec<FieldError>) {
    const STRATEGIES: [&str; 2] = ["None", "Webhook"];
    let field = "spec.conversion.strategy";
    match text(&spec["conversion"]["strategy"]) {
        "None" => {}
        "" => faults.push(FieldError::required(field, "")),
        // Nobody would convert here.
        "Webhook" => {
            let why = "this server has no webhooks";
            faults.push(FieldError::invalid(field, "Webhook", why));
        }
        other => faults.push(FieldError::not_supported(field, other, &STRATEGIES)),
    }
}

fn immutable(spec: &Value, old: &Value, faults: &mut Vec<FieldError>) {
    for pointer in ["/scope", "/names/kind", "/group", "/names/plural"] {
        let (new, old) = (spec.pointer(pointer), old.pointer(pointer));
        if new != old {
            let field = format!("spec{}", pointer.replace('/', "."));
            let value = new.cloned().unwrap_or_default();
            faults.push(FieldError::invalid(field, value, "field is immutable"));
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
