//! Rules in CEL: what they see, what they compute, and how a broken one is told.

use serde_json::{Value, json};

use super::{define, object, pool, pools};
use crate::raw::Raw;

/// Expressions that hold for the object below; the unit tests of `cel` run the same.
const EXPRESSIONS: &str = include_str!("expressions.txt");

#[tokio::test]
async fn every_expression_holds() {
    let raw = Raw::new();
    let group = "expressions.example.dev";
    let rows: Vec<&str> = EXPRESSIONS
        .lines()
        .filter(|line| !line.is_empty())
        .collect();
    assert!(rows.len() > 30);
    let rules: Vec<Value> = rows
        .iter()
        .map(|row| json!({ "rule": row, "message": row }))
        .collect();
    let mut spec = object(json!({
        "seven": { "type": "integer" },
        "half": { "type": "number" },
        "whole": { "type": "number" },
        "text": { "type": "string", "maxLength": 10 },
        "absent": { "type": "integer" },
        "words": { "type": "array", "maxItems": 3, "items": { "type": "string", "maxLength": 5 } },
        "numbers": { "type": "array", "maxItems": 3, "items": { "type": "integer" } },
    }));
    spec["x-kubernetes-validations"] = json!(rules);
    let path = define(&raw, pools(group, spec)).await;
    let mut spec = json!({
        "seven": 7, "half": 0.5, "whole": 2, "text": "a-b-c", "words": ["b", "a"], "numbers": [1, 2, 2],
    });
    let made = raw.post(&path, pool(group, "a", spec.clone())).await;
    assert_eq!(made.status, 201, "{}", made.body);
    spec["seven"] = json!(8);
    let other = raw.post(&path, pool(group, "b", spec)).await;
    let fault = format!("spec: Invalid value: {}", rows[1]);
    assert!(other.message().ends_with(&fault), "{}", other.message());
}

/// A pool as the bare-metal provider has one, in small.
fn spec() -> Value {
    let mut spec = object(json!({
        "addresses": { "type": "array", "maxItems": 10, "items": { "type": "string", "maxLength": 50,
            "x-kubernetes-validations": [{
                "rule": "isCIDR(self) || isIP(self)",
                "messageExpression": "'%s is no address'.format([self])",
            }] } },
        "family": { "type": "integer", "enum": [4, 6] },
        "name": { "type": "string", "maxLength": 10, "x-kubernetes-validations": [
            { "rule": "self == oldSelf", "message": "name is immutable", "reason": "FieldValueForbidden" },
        ] },
        "peers": { "type": "array", "maxItems": 5, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": { "type": "object", "required": ["name"], "properties": {
                "name": { "type": "string", "maxLength": 10 },
                "asn": { "type": "integer", "x-kubernetes-validations": [{ "rule": "self >= oldSelf", "message": "asn only rises" }] },
            } } },
        "weights": { "type": "object", "maxProperties": 5, "additionalProperties": { "type": "integer",
            "x-kubernetes-validations": [{ "rule": "self > 0" }] } },
        "port": { "x-kubernetes-int-or-string": true, "maxLength": 10, "x-kubernetes-validations": [
            { "rule": "type(self) == int ? self < 100 : self.startsWith('p')", "message": "a low port or a name" },
        ] },
        "since": { "type": "string", "format": "date-time" },
        "wait": { "type": "string", "format": "duration" },
        "node-name": { "type": "string", "maxLength": 10 },
        "once": { "type": "boolean", "x-kubernetes-validations": [
            { "rule": "oldSelf.hasValue() || self", "message": "starts as true", "optionalOldSelf": true },
        ] },
    }));
    spec["x-kubernetes-validations"] = json!([
        { "rule": "!has(self.family) || !has(self.addresses) || self.addresses.all(a, !isIP(a) || ip(a).family() == self.family)",
            "message": "addresses must be of the family", "fieldPath": ".addresses" },
        { "rule": "!has(self.since) || self.since > timestamp('2026-01-01T00:00:00Z')", "message": "since is long ago" },
        { "rule": "!has(self.wait) || self.wait <= duration('1h')", "message": "wait is too long" },
        { "rule": "!has(self.node__dash__name) || self.node__dash__name != 'x'", "message": "node-name is x" },
    ]);
    spec
}

async fn ruled(raw: &Raw, group: &str) -> String {
    let mut definition = pools(group, spec());
    let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    schema["x-kubernetes-validations"] = json!([{ "rule": "self.metadata.name != 'forbidden' && self.kind == 'Pool'", "message": "a bad name" }]);
    define(raw, definition).await
}

#[tokio::test]
async fn broken_rules_are_told_where_they_stand() {
    let raw = Raw::new();
    let group = "broken-rules.example.dev";
    let path = ruled(&raw, group).await;
    let dry = format!("{path}?dryRun=All");
    for (spec, fault) in [
        (
            json!({ "addresses": ["192.0.2.0/24", "x"] }),
            r#"spec.addresses[1]: Invalid value: "x": x is no address"#,
        ),
        (
            json!({ "addresses": ["::1"], "family": 4 }),
            "spec.addresses: Invalid value: addresses must be of the family",
        ),
        (
            json!({ "weights": { "a": 0 } }),
            "spec.weights[a]: Invalid value: 0: failed rule: self > 0",
        ),
        (
            json!({ "port": 100 }),
            "spec.port: Invalid value: 100: a low port or a name",
        ),
        (
            json!({ "port": "x" }),
            r#"spec.port: Invalid value: "x": a low port or a name"#,
        ),
        (
            json!({ "since": "2025-01-01T00:00:00Z" }),
            "spec: Invalid value: since is long ago",
        ),
        (
            json!({ "wait": "61m" }),
            "spec: Invalid value: wait is too long",
        ),
        (
            json!({ "node-name": "x" }),
            "spec: Invalid value: node-name is x",
        ),
        (
            json!({ "once": false }),
            "spec.once: Invalid value: false: starts as true",
        ),
        (
            json!({ "family": 5 }),
            r#"[spec.family: Unsupported value: 5: supported values: "4", "6", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]"#,
        ),
    ] {
        let answer = raw.post(&dry, pool(group, "a", spec.clone())).await;
        let expected = format!("Pool.{group} \"a\" is invalid: {fault}");
        assert_eq!(
            (answer.status, answer.message()),
            (422, expected.as_str()),
            "{spec}"
        );
    }
    let answer = raw
        .post(&dry, pool(group, "forbidden", json!({})))
        .await
        .expect(422);
    assert_eq!(
        answer.message(),
        format!("Pool.{group} \"forbidden\" is invalid: <nil>: Invalid value: a bad name")
    );
    let sound = json!({
        "addresses": ["192.0.2.1", "192.0.2.0/24"], "family": 4, "port": "p1", "wait": "1h", "once": true,
        "since": "2026-06-01T00:00:00Z", "weights": { "a": 1 }, "node-name": "y",
    });
    raw.post(&dry, pool(group, "a", sound)).await.expect(201);
}

#[tokio::test]
async fn transition_rules_compare_with_what_was() {
    let raw = Raw::new();
    let group = "transition.example.dev";
    let path = ruled(&raw, group).await;
    let one = format!("{path}/a");
    let spec = json!({ "name": "x", "once": true, "peers": [{ "name": "p", "asn": 5 }, { "name": "q", "asn": 5 }] });
    raw.post(&path, pool(group, "a", spec)).await.expect(201);
    let refused = raw
        .merge(&one, json!({ "spec": { "name": "y" } }))
        .await
        .expect(422);
    assert_eq!(
        refused.message(),
        format!("Pool.{group} \"a\" is invalid: spec.name: Forbidden: name is immutable")
    );
    assert_eq!(
        refused.body["details"]["causes"][0]["reason"],
        "FieldValueForbidden"
    );
    let swapped =
        json!({ "spec": { "peers": [{ "name": "q", "asn": 6 }, { "name": "p", "asn": 4 }] } });
    let refused = raw.merge(&one, swapped).await.expect(422);
    assert_eq!(
        refused.message(),
        format!(
            "Pool.{group} \"a\" is invalid: spec.peers[1].asn: Invalid value: 4: asn only rises"
        )
    );
    let fresh = json!({ "spec": { "peers": [{ "name": "r", "asn": 1 }], "once": false } });
    raw.merge(&one, fresh).await.expect(200);
    // A name that goes may come back as another: there is nothing to compare it with.
    raw.merge(&one, json!({ "spec": { "name": null } }))
        .await
        .expect(200);
    raw.merge(&one, json!({ "spec": { "name": "z" } }))
        .await
        .expect(200);
    let status = raw
        .merge(&format!("{one}/status"), json!({ "status": { "free": 1 } }))
        .await;
    assert_eq!(status.status, 200, "{}", status.body);
}

#[tokio::test]
async fn a_rule_that_fails_on_the_way_says_why() {
    let raw = Raw::new();
    let group = "failing.example.dev";
    let mut spec = object(json!({
        "map": { "type": "object", "maxProperties": 5, "additionalProperties": { "type": "integer" } },
        "list": { "type": "array", "maxItems": 5, "items": { "type": "integer" } },
        "size": { "type": "integer" },
    }));
    spec["x-kubernetes-validations"] = json!([
        { "rule": "self.map['a'] == 1" },
        { "rule": "self.list[2] == 1", "message": "the third" },
        { "rule": "10 / self.size == 1" },
        { "rule": "self.size == 0 || 10 / self.size == 1 || true" },
    ]);
    let path = define(&raw, pools(group, spec)).await;
    let written = json!({ "map": {}, "list": [1], "size": 0 });
    let refused = raw.post(&path, pool(group, "a", written)).await.expect(422);
    assert_eq!(
        refused.message(),
        format!(
            "Pool.{group} \"a\" is invalid: [spec: Invalid value: \"object\": no such key: a evaluating rule: self.map['a'] == 1, spec: Invalid value: \"object\": index out of bounds: 2 evaluating rule: the third, spec: Invalid value: \"object\": division by zero evaluating rule: 10 / self.size == 1]"
        )
    );
}

#[tokio::test]
async fn lists_are_equal_as_their_type_has_it() {
    let raw = Raw::new();
    let group = "equal.example.dev";
    let list = |kind: &str| {
        json!({ "type": "array", "maxItems": 5, "x-kubernetes-list-type": kind, "items": { "type": "string", "maxLength": 5 },
            "x-kubernetes-validations": [{ "rule": "self == oldSelf", "message": format!("{kind} changed") }] })
    };
    let spec = object(json!({ "set": list("set"), "atomic": list("atomic") }));
    let path = define(&raw, pools(group, spec)).await;
    let one = format!("{path}/a");
    let spec = json!({ "set": ["a", "b"], "atomic": ["a", "b"] });
    raw.post(&path, pool(group, "a", spec)).await.expect(201);
    raw.merge(&one, json!({ "spec": { "set": ["b", "a"] } }))
        .await
        .expect(200);
    for (field, why) in [("set", ["a", "c"]), ("atomic", ["b", "a"])] {
        let refused = raw
            .merge(&one, json!({ "spec": { field: why } }))
            .await
            .expect(422);
        assert!(
            refused
                .message()
                .ends_with(&format!("spec.{field}: Invalid value: {field} changed")),
            "{}",
            refused.message()
        );
    }
}

#[tokio::test]
async fn a_rule_that_was_broken_before_only_warns() {
    let raw = Raw::new();
    let group = "warned.example.dev";
    let loose = object(json!({ "a": { "type": "integer" }, "b": { "type": "integer" } }));
    let path = define(&raw, pools(group, loose)).await;
    raw.post(&path, pool(group, "a", json!({ "a": 5 })))
        .await
        .expect(201);
    let property = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/a";
    let tight = json!({ "type": "integer", "x-kubernetes-validations": [{ "rule": "self < 5", "message": "too much" }] });
    let patch = json!([{ "op": "replace", "path": property, "value": tight }]);
    raw.json_patch(&format!("{}/pools.{group}", super::DEFINITIONS), patch)
        .await
        .expect(200);
    let dry = format!("{path}?dryRun=All");
    crate::raw::eventually("the rule", async || {
        let answer = raw.post(&dry, pool(group, "b", json!({ "a": 5 }))).await;
        (answer.status == 422).then_some(())
    })
    .await;
    let one = format!("{path}/a");
    let changed = raw
        .merge(&one, json!({ "spec": { "b": 1 } }))
        .await
        .expect(200);
    assert_eq!(
        changed.warnings,
        [r#"299 - "spec.a: Invalid value: 5: too much""#]
    );
    raw.merge(&one, json!({ "spec": { "a": 6 } }))
        .await
        .expect(422);
}
