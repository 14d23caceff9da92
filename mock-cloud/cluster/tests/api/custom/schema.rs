//! What a schema makes of an object: unknown fields, defaults, and what it lets pass.

use serde_json::json;

use super::{define, object, pool, pools};
use crate::raw::Raw;

#[tokio::test]
async fn unknown_fields_are_refused_told_or_dropped() {
    let raw = Raw::new();
    let group = "unknown.example.dev";
    let spec = object(json!({
        "size": { "type": "integer" },
        "list": { "type": "array", "items": { "type": "object", "properties": { "a": { "type": "integer" } } } },
        "any": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
    }));
    let path = define(&raw, pools(group, spec)).await;
    let mut body = pool(
        group,
        "a",
        json!({ "colour": 1, "size": 1, "list": [{ "b": 1 }], "any": { "x": { "y": [1, { "z": null }] } } }),
    );
    body["metadata"]["colour"] = json!("blue");
    let strict = format!("{path}?fieldValidation=Strict");
    let refused = raw.post(&strict, body.clone()).await.expect(400);
    let why = r#"strict decoding error: unknown field "metadata.colour", unknown field "spec.colour", unknown field "spec.list[0].b""#;
    assert_eq!(
        refused.message(),
        format!(r#"Pool in version "v1alpha1" cannot be handled as a Pool: {why}"#)
    );
    let told = raw.post(&path, body.clone()).await.expect(201);
    let mut warnings = told.warnings.clone();
    warnings.sort();
    assert_eq!(
        warnings,
        [
            r#"299 - "unknown field \"metadata.colour\"""#,
            r#"299 - "unknown field \"spec.colour\"""#,
            r#"299 - "unknown field \"spec.list[0].b\"""#,
        ]
    );
    let kept = json!({ "size": 1, "list": [{}], "any": { "x": { "y": [1, { "z": null }] } } });
    assert_eq!(told.body["spec"], kept);
    let one = format!("{path}/a");
    let patch = json!({ "spec": { "shape": "round" } });
    let refused = raw
        .merge(&format!("{one}?fieldValidation=Strict"), patch.clone())
        .await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(
        refused
            .message()
            .ends_with(r#"strict decoding error: unknown field "spec.shape""#),
        "{}",
        refused.message()
    );
    let silent = raw
        .merge(&format!("{one}?fieldValidation=Ignore"), patch)
        .await
        .expect(200);
    assert!(silent.warnings.is_empty());
    assert_eq!(silent.version(), told.version());
}

#[tokio::test]
async fn defaults_are_filled_in_wherever_an_object_comes_from() {
    let raw = Raw::new();
    let group = "defaults.example.dev";
    let spec = json!({ "type": "object", "default": {}, "properties": {
        "mode": { "type": "string", "default": "auto" },
        "note": { "type": "string", "nullable": true, "default": "n" },
        "size": { "type": "integer" },
        "peers": { "type": "array", "items": { "type": "object", "properties": {
            "port": { "type": "integer", "default": 179 },
        } } },
        "by": { "type": "object", "additionalProperties": { "type": "object", "properties": {
            "weight": { "type": "integer", "default": 1 },
        } } },
    } });
    let path = define(&raw, pools(group, spec)).await;
    let mut bare = pool(group, "bare", json!({}));
    bare.as_object_mut().unwrap().remove("spec");
    let made = raw.post(&path, bare).await.expect(201);
    assert_eq!(made.body["spec"], json!({ "mode": "auto", "note": "n" }));
    let written = json!({ "mode": null, "note": null, "size": null, "peers": [{}, { "port": 1 }], "by": { "a": {} } });
    let made = raw
        .post(&path, pool(group, "full", written))
        .await
        .expect(201);
    assert_eq!(
        made.body["spec"],
        json!({ "mode": "auto", "note": null, "peers": [{ "port": 179 }, { "port": 1 }], "by": { "a": { "weight": 1 } } })
    );
    let patch = json!({ "spec": { "peers": [{}], "mode": null } });
    let changed = raw.merge(&format!("{path}/bare"), patch).await.expect(200);
    assert_eq!(
        changed.body["spec"],
        json!({ "mode": "auto", "note": "n", "peers": [{ "port": 179 }] })
    );
    let wanted = pool(group, "applied", json!({ "size": 1 }));
    let one = format!("{path}/applied");
    let applied = raw.apply(&one, "m", false, wanted).await.expect(201);
    let filled = json!({ "mode": "auto", "note": "n", "size": 1 });
    assert_eq!(applied.body["spec"], filled);
}

#[tokio::test]
async fn what_was_wrong_before_may_stay_but_not_spread() {
    let raw = Raw::new();
    let group = "ratchet.example.dev";
    let loose = object(json!({ "a": { "type": "string" }, "b": { "type": "string" } }));
    let path = define(&raw, pools(group, loose)).await;
    raw.post(&path, pool(group, "a", json!({ "a": "long", "b": "x" })))
        .await
        .expect(201);
    let definition = format!("{}/pools.{group}", super::DEFINITIONS);
    let property = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/a";
    let tight = json!({ "type": "string", "maxLength": 2 });
    let patch = json!([{ "op": "replace", "path": property, "value": tight }]);
    raw.json_patch(&definition, patch).await.expect(200);
    let dry = format!("{path}?dryRun=All");
    crate::raw::eventually("the tighter schema", async || {
        let answer = raw
            .post(&dry, pool(group, "b", json!({ "a": "long" })))
            .await;
        (answer.status == 422).then_some(())
    })
    .await;
    let one = format!("{path}/a");
    raw.merge(&one, json!({ "spec": { "b": "y" } }))
        .await
        .expect(200);
    let refused = raw
        .merge(&one, json!({ "spec": { "a": "longer" } }))
        .await
        .expect(422);
    assert!(
        refused
            .message()
            .ends_with("spec.a: Too long: may not be more than 2 bytes")
    );
}

#[tokio::test]
async fn a_status_is_judged_by_its_own_part() {
    let raw = Raw::new();
    let group = "status.example.dev";
    let path = define(&raw, pools(group, object(json!({})))).await;
    raw.post(&path, pool(group, "a", json!({})))
        .await
        .expect(201);
    let status = format!("{path}/a/status");
    for (written, fault) in [
        (
            json!({ "free": "x" }),
            r#"status.free: Invalid value: "string": free in body must be of type integer: "string""#,
        ),
        (
            json!({ "phase": "Odd" }),
            r#"status.phase: Unsupported value: "Odd": supported values: "Ready", "Full""#,
        ),
    ] {
        let refused = raw
            .merge(&status, json!({ "status": written }))
            .await
            .expect(422);
        assert_eq!(
            refused.message(),
            format!("Pool.{group} \"a\" is invalid: {fault}")
        );
    }
    let ready = json!({ "status": { "phase": "Ready", "colour": 1 } });
    let written = raw.merge(&status, ready).await.expect(200);
    assert_eq!(written.body["status"], json!({ "phase": "Ready" }));
}

#[tokio::test]
async fn a_permissive_definition_takes_what_it_is_given() {
    let raw = Raw::new();
    let group = "permissive.example.dev";
    let spec = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let mut definition = pools(group, spec);
    let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    schema["x-kubernetes-preserve-unknown-fields"] = json!(true);
    let path = define(&raw, definition).await;
    let spec = json!({ "addresses": ["192.0.2.0/24", 5, null], "avoidBuggyIPs": true, "deep": { "er": [{}] } });
    let mut body = pool(group, "a", spec.clone());
    body["extra"] = json!({ "a": 1 });
    let made = raw
        .post(&format!("{path}?fieldValidation=Strict"), body)
        .await
        .expect(201);
    assert_eq!(
        (&made.body["spec"], &made.body["extra"]),
        (&spec, &json!({ "a": 1 }))
    );
    let applied = pool(group, "a", json!({ "deep": { "er": [{ "x": 1 }] } }));
    let applied = raw
        .apply(&format!("{path}/a"), "m", true, applied)
        .await
        .expect(200);
    assert_eq!(applied.body["spec"]["deep"]["er"], json!([{ "x": 1 }]));
    assert_eq!(applied.body["spec"]["avoidBuggyIPs"], true);
}
