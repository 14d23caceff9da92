//! Custom resources as data: what one version of a `CustomResourceDefinition` says of its objects,
//! taken apart once when the definition is stored, and what follows from it for an object. It
//! never looks at a store; which definitions there are is `store`'s, whether one is sound is
//! `definition`'s.

mod columns;
mod fill;
mod formats;
mod lists;
mod path;
mod rules;
mod schema;
mod typing;
mod validate;

use serde_json::Value;

use self::columns::Columns;
pub(crate) use self::formats::is_known as is_known_format;
pub(crate) use self::path::Path;
pub(crate) use self::rules::{Rule, is_correlatable};
pub(crate) use self::schema::{Additional, ListType, Schema, strings};
pub(crate) use self::typing::declared;
use crate::answer::FieldError;
use crate::resource::Subresource;

/// One version of a custom resource.
#[derive(Debug)]
pub(crate) struct Version {
    /// The shape of its objects.
    pub(crate) schema: Schema,
    /// The same as it was written, for clients.
    pub(crate) written: Value,
    /// What kubectl prints.
    pub(crate) columns: Columns,
    /// Fields that field selectors may name, with JSON pointers to them.
    pub(crate) selectable: Vec<(String, String)>,
    /// What writers and readers of a deprecated version are told.
    pub(crate) deprecation: Option<String>,
    /// Whether the status has a path of its own.
    has_status: bool,
}

/// What is wrong with the default of a schema, which stands at this path.
pub(crate) fn default_faults(schema: &Schema, path: &str) -> Vec<FieldError> {
    let Some(default) = &schema.default else {
        return Vec::new();
    };
    let mut pruned = default.clone();
    schema.prune_value(&mut pruned);
    if pruned != *default {
        let why = "must not have unknown fields";
        return vec![FieldError::invalid(path, default.clone(), why)];
    }
    let mut schema = schema.clone();
    schema.compile(false);
    let faults = validate::faults(&schema, default, None, path);
    if faults.is_empty() {
        rules::run_at(&schema, default, path)
    } else {
        faults
    }
}

impl Version {
    /// From one of `spec.versions` of a definition that was found sound.
    pub(crate) fn parse(written: &Value, deprecation: &str) -> Self {
        let written_schema = written["schema"]["openAPIV3Schema"].clone();
        let mut schema = Schema::parse(&written_schema);
        schema.compile(true);
        let selectable = written["selectableFields"].as_array().into_iter().flatten();
        let selectable = selectable.filter_map(|field| {
            let path = field["jsonPath"].as_str()?;
            let pointer = Path::parse(path)?.pointer()?;
            Some((path.trim_start_matches('.').to_owned(), pointer))
        });
        let told = written["deprecationWarning"]
            .as_str()
            .unwrap_or(deprecation);
        Self {
            schema,
            columns: Columns::parse(&written["additionalPrinterColumns"]),
            selectable: selectable.collect(),
            deprecation: (written["deprecated"] == true).then(|| told.to_owned()),
            has_status: written["subresources"]["status"].is_object(),
            written: written_schema,
        }
    }

    /// Fills in defaults.
    pub(crate) fn default(&self, object: &mut Value) {
        self.schema.fill(object);
    }

    /// Every fault of an object or a change of it, and what is wrong but was so before.
    pub(crate) fn validate(
        &self,
        part: Option<Subresource>,
        new: &Value,
        old: Option<&Value>,
    ) -> (Vec<FieldError>, Vec<String>) {
        let mut faults = match part {
            Some(Subresource::Status) => self.validate_status(new, old),
            _ => validate::faults(&self.schema, new, old, ""),
        };
        let sound_before = old.is_none_or(|old| lists::faults(&self.schema, old).is_empty());
        if sound_before {
            faults.extend(lists::faults(&self.schema, new));
        }
        if !self.schema.has_rules() {
            return (faults, Vec::new());
        }
        if faults.iter().any(FieldError::blocks_rules) {
            let why = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
            faults.push(FieldError::invalid("<nil>", Value::Null, why));
            return (faults, Vec::new());
        }
        let outcome = rules::run(&self.schema, new, old);
        faults.extend(outcome.faults);
        (faults, outcome.warnings)
    }

    fn validate_status(&self, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        match (new.get("status"), self.schema.properties.get("status")) {
            (Some(status), Some(schema)) if self.has_status => {
                let old = old.and_then(|old| old.get("status"));
                validate::faults(schema, status, old, "status")
            }
            _ => Vec::new(),
        }
    }
}
