//! Secrets: text that is only ever written.

use serde_json::{Value, json};

use crate::raw::Raw;

const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const PASSWORD: &str = "/api/v1/namespaces/default/secrets/password";

fn secret(more: Value) -> Value {
    let mut secret =
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "password" } });
    let Value::Object(more) = more else {
        panic!("{more}")
    };
    secret.as_object_mut().unwrap().extend(more);
    secret
}

#[tokio::test]
async fn text_is_taken_into_the_data_and_not_told_again() {
    let text = json!({ "stringData": { "password": "right" } });
    for body in [
        text.clone(),
        json!({ "stringData": text["stringData"], "data": null }),
    ] {
        let raw = Raw::new();
        let created = raw.post(SECRETS, secret(body)).await.expect(201);
        assert_eq!(created.body["data"], json!({ "password": "cmlnaHQ=" }));
        assert_eq!(created.body["stringData"], Value::Null);
    }

    let raw = Raw::new();
    let applied = raw.apply(PASSWORD, "A", false, secret(text)).await;
    let applied = applied.expect(201);
    assert_eq!(applied.body["data"], json!({ "password": "cmlnaHQ=" }));
    assert_eq!(applied.body["stringData"], Value::Null);
    // Text counts more than what is there, and leaves alone what it does not name.
    let both = json!({
        "data": { "password": "b2xk", "username": "dG9y" },
        "stringData": { "password": "other" },
    });
    let changed = raw.put(PASSWORD, &secret(both)).await.expect(200);
    let expected = json!({ "password": "b3RoZXI=", "username": "dG9y" });
    assert_eq!(changed.body["data"], expected);
    let merged = raw
        .merge(PASSWORD, json!({ "stringData": { "password": "right" } }))
        .await
        .expect(200);
    let expected = json!({ "password": "cmlnaHQ=", "username": "dG9y" });
    assert_eq!(merged.body["data"], expected);
    // Without text there is no data.
    let empty = secret(json!({ "stringData": {}, "data": null }));
    let emptied = raw.put(PASSWORD, &empty).await.expect(200);
    assert_eq!(emptied.body["data"], Value::Null);
    assert_eq!(
        raw.get(PASSWORD).await.expect(200).body["data"],
        Value::Null
    );
}
