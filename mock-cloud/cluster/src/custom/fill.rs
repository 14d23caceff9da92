//! What the server does to a custom object before anybody judges it: unknown fields go
//! (pruning), nulls that mean nothing go, and defaults are filled in.

use serde_json::Value;

use super::schema::{Additional, Schema};

/// What every object has besides its schema.
const META: [&str; 3] = ["apiVersion", "kind", "metadata"];

impl Schema {
    /// Drops what the schema does not know; returns the paths, in order.
    pub(crate) fn prune(&self, object: &mut Value) -> Vec<String> {
        let mut unknown = Vec::new();
        fields(object, Some(self), true, "", &mut unknown);
        unknown.sort();
        unknown
    }

    /// Drops what the schema does not know from a value that is no object of its own.
    pub(super) fn prune_value(&self, value: &mut Value) {
        prune(value, Some(self), "", &mut Vec::new());
    }

    /// Fills in defaults, also for a null where there may be none; a null that has neither
    /// goes away.
    pub(crate) fn fill(&self, value: &mut Value) {
        drop_nulls(value, Some(self));
        default(value, self);
    }
}

fn prune(value: &mut Value, schema: Option<&Schema>, path: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(_) => {
            let embedded = schema.is_some_and(|schema| schema.embedded);
            fields(value, schema, embedded, path, unknown);
        }
        Value::Array(items) => {
            let schema = schema.and_then(|schema| schema.items.as_deref());
            for (index, item) in items.iter_mut().enumerate() {
                prune(item, schema, &format!("{path}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}

fn fields(
    object: &mut Value,
    schema: Option<&Schema>,
    is_resource: bool,
    path: &str,
    unknown: &mut Vec<String>,
) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    fields.retain(|name, field| {
        if is_resource && META.contains(&name.as_str()) {
            return true;
        }
        let at = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let Some(schema) = schema else {
            unknown.push(at);
            return false;
        };
        match (schema.properties.get(name), &schema.additional) {
            (Some(inner), _) => prune(field, Some(inner), &at, unknown),
            (None, Additional::Of(inner)) => prune(field, Some(inner), &at, unknown),
            (None, Additional::Any | Additional::None) if !schema.preserves => {
                prune(field, None, &at, unknown);
            }
            _ if schema.preserves => {}
            _ => {
                unknown.push(at);
                return false;
            }
        }
        true
    });
}

fn drop_nulls(value: &mut Value, schema: Option<&Schema>) {
    match value {
        Value::Object(fields) => fields.retain(|name, field| {
            let schema = schema.and_then(|schema| schema.field(name));
            let void = |schema: &Schema| !schema.nullable && schema.default.is_none();
            if field.is_null() && schema.is_some_and(void) {
                return false;
            }
            drop_nulls(field, schema);
            true
        }),
        Value::Array(items) => {
            let schema = schema.and_then(|schema| schema.items.as_deref());
            for item in items {
                drop_nulls(item, schema);
            }
        }
        _ => {}
    }
}

fn default(value: &mut Value, schema: &Schema) {
    match value {
        Value::Object(fields) => {
            for (name, field) in &schema.properties {
                let Some(default) = &field.default else {
                    continue;
                };
                let missing = fields
                    .get(name)
                    .is_none_or(|value| value.is_null() && !field.nullable);
                if missing {
                    fields.insert(name.clone(), default.clone());
                }
            }
            for (name, field) in fields {
                if let Some(inner) = schema.field(name) {
                    fill_null(field, inner);
                    default(field, inner);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                if let Some(inner) = &schema.items {
                    fill_null(item, inner);
                    default(item, inner);
                }
            }
        }
        _ => {}
    }
}

fn fill_null(value: &mut Value, schema: &Schema) {
    if let Some(default) = schema.default.as_ref().filter(|_| !schema.nullable)
        && value.is_null()
    {
        *value = default.clone();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Schema;

    fn schema() -> Schema {
        Schema::parse(&json!({ "type": "object", "properties": {
            "spec": { "type": "object", "default": {}, "properties": {
                "mode": { "type": "string", "default": "auto" },
                "maybe": { "type": "string", "nullable": true, "default": "x" },
                "size": { "type": "integer" },
                "any": { "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    "properties": { "known": { "type": "object" } } },
                "map": { "type": "object", "additionalProperties": { "type": "object",
                    "properties": { "a": { "type": "integer", "default": 1 } } } },
                "list": { "type": "array", "items": { "type": "object",
                    "properties": { "a": { "type": "integer", "default": 2 } } } },
            } },
        } }))
    }

    #[test]
    fn unknown_fields_go_unless_they_are_preserved() {
        let mut object = json!({
            "apiVersion": "a", "kind": "b", "metadata": { "any": 1 }, "colour": 1,
            "spec": { "x": 1, "any": { "y": { "z": 1 }, "known": { "no": 1 } },
                "map": { "k": { "a": 1, "b": 2 } }, "list": [{ "b": 1 }] },
        });
        assert_eq!(
            schema().prune(&mut object),
            [
                "colour",
                "spec.any.known.no",
                "spec.list[0].b",
                "spec.map.k.b",
                "spec.x"
            ]
        );
        assert_eq!(
            object,
            json!({
                "apiVersion": "a", "kind": "b", "metadata": { "any": 1 },
                "spec": { "any": { "y": { "z": 1 }, "known": {} }, "map": { "k": { "a": 1 } }, "list": [{}] },
            })
        );
    }

    #[test]
    fn defaults_reach_maps_and_lists_and_what_a_default_brings() {
        let mut object = json!({});
        schema().fill(&mut object);
        assert_eq!(object, json!({ "spec": { "mode": "auto", "maybe": "x" } }));
        let mut object = json!({ "spec": {
            "mode": null, "maybe": null, "size": null, "map": { "k": {} }, "list": [{}, { "a": 3 }],
        } });
        schema().fill(&mut object);
        assert_eq!(
            object,
            json!({ "spec": {
                "mode": "auto", "maybe": null, "map": { "k": { "a": 1 } }, "list": [{ "a": 2 }, { "a": 3 }],
            } })
        );
    }
}
