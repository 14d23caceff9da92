//! `status.loadBalancer.ingress` and conditions, as a real 1.37 server answers (by trial).

use serde_json::{Value, json};

use crate::raw::{Raw, SERVICES};

const STATUS: &str = "/api/v1/namespaces/default/services/web/status";
const WEB: &str = "/api/v1/namespaces/default/services/web";

fn ingress(entries: Value) -> Value {
    json!({ "status": { "loadBalancer": { "ingress": entries } } })
}

#[tokio::test]
async fn ingress_entries_are_judged_as_on_the_real_server() {
    let invalid_host = "a lowercase RFC 1123 subdomain must consist of";
    let not_an_address = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    let forbidden = "ipMode: Forbidden: may not be specified when `ip` is not set";
    let rows = [
        (json!({ "ip": "192.0.2.10" }), 200, ""),
        (json!({ "ip": "192.0.2.10", "ipMode": "Proxy" }), 200, ""),
        (json!({ "ip": "192.0.2.10", "ipMode": "VIP" }), 200, ""),
        (
            json!({ "ip": "192.0.2.10", "ipMode": "vip" }),
            422,
            r#"ipMode: Unsupported value: "vip": supported values: "Proxy", "VIP""#,
        ),
        (json!({ "ipMode": "VIP" }), 422, forbidden),
        (
            json!({ "hostname": "a.b", "ipMode": "VIP" }),
            422,
            forbidden,
        ),
        (json!({ "ip": "bad" }), 422, not_an_address),
        (json!({ "ip": "192.0.2.10/32" }), 422, not_an_address),
        (
            json!({ "ip": "010.1.1.1" }),
            422,
            "must not have leading 0s",
        ),
        (
            json!({ "ip": "::ffff:1.2.3.4" }),
            422,
            "must not be an IPv4-mapped IPv6 address",
        ),
        (json!({ "ip": "127.0.0.1" }), 200, ""),
        (json!({ "ip": "::1" }), 200, ""),
        (json!({ "ip": "0.0.0.0" }), 200, ""),
        (json!({ "ip": "fe80::1" }), 200, ""),
        (json!({ "ip": "224.0.0.1" }), 200, ""),
        (json!({ "hostname": "lb.example.com" }), 200, ""),
        (json!({ "hostname": "a".repeat(64) }), 200, ""),
        (json!({ "hostname": "LB.example.com" }), 422, invalid_host),
        (json!({ "hostname": "lb_1.example.com" }), 422, invalid_host),
        (json!({ "hostname": "lb.example.com." }), 422, invalid_host),
        (json!({ "hostname": "*.example.com" }), 422, invalid_host),
        (
            json!({ "hostname": "192.0.2.10" }),
            422,
            "must be a DNS name, not an IP address",
        ),
        (json!({ "ip": "192.0.2.1", "hostname": "a.b" }), 200, ""),
        (json!({}), 200, ""),
        (json!({ "ip": "" }), 200, ""),
        (
            json!({ "ip": "192.0.2.1", "ports": [{ "port": 99999, "protocol": "X", "error": "Some Text" }] }),
            200,
            "",
        ),
        (json!({ "ip": "2001:db8::1" }), 200, ""),
    ];
    let raw = Raw::new();
    raw.web(json!({})).await;
    for (entry, status, message) in rows {
        let answer = raw.merge(STATUS, ingress(json!([entry]))).await;
        assert_eq!(answer.status, status, "{entry}: {}", answer.body);
        assert!(
            answer.message().contains(message),
            "{entry}: {}",
            answer.message()
        );
        raw.merge(STATUS, ingress(Value::Null)).await.expect(200);
    }
}

#[tokio::test]
async fn the_ip_mode_is_filled_in_and_what_is_empty_goes() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let stored =
        |answer: crate::raw::Answer| answer.body["status"]["loadBalancer"]["ingress"][0].clone();
    let answer = raw
        .merge(STATUS, ingress(json!([{ "ip": "192.0.2.1" }])))
        .await;
    assert_eq!(
        stored(answer),
        json!({ "ip": "192.0.2.1", "ipMode": "VIP" })
    );
    let answer = raw.merge(STATUS, ingress(json!([{ "ip": "" }]))).await;
    assert_eq!(stored(answer), json!({}));
    let many: Vec<Value> = (0..1000).map(|_| json!({ "ip": "192.0.2.1" })).collect();
    raw.merge(STATUS, ingress(json!(many))).await.expect(200);
}

#[tokio::test]
async fn an_address_out_of_canonical_form_is_kept_and_warned_about() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let answer = raw
        .merge(STATUS, ingress(json!([{ "ip": "2001:DB8::1" }])))
        .await
        .expect(200);
    assert_eq!(
        answer.body["status"]["loadBalancer"]["ingress"][0]["ip"],
        "2001:DB8::1"
    );
    assert!(
        answer.warnings[0].starts_with("299 - "),
        "{:?}",
        answer.warnings
    );
    assert!(answer.warnings[0].contains("RFC 5952 canonical format"));
}

#[tokio::test]
async fn an_unknown_field_is_dropped_with_a_warning_or_refused() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let body = json!({ "status": { "loadBalancer": { "colour": "blue" } } });
    let answer = raw.merge(STATUS, body.clone()).await.expect(200);
    assert_eq!(
        answer.warnings,
        [r#"299 - "unknown field \"status.loadBalancer.colour\"""#]
    );
    assert!(answer.body["status"]["loadBalancer"]["colour"].is_null());
    let strict = format!("{STATUS}?fieldValidation=Strict");
    let answer = raw.merge(&strict, body.clone()).await.expect(422);
    assert!(
        answer
            .message()
            .contains(r#"unknown field "status.loadBalancer.colour""#)
    );
    let ignore = format!("{STATUS}?fieldValidation=Ignore");
    assert!(
        raw.merge(&ignore, body)
            .await
            .expect(200)
            .warnings
            .is_empty()
    );
}

#[tokio::test]
async fn the_main_resource_and_the_status_do_not_touch_each_other() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let before = raw.get(WEB).await;
    let answer = raw
        .merge(WEB, ingress(json!([{ "ip": "192.0.2.1" }])))
        .await
        .expect(200);
    assert_eq!(answer.version(), before.version());
    let body = json!({ "spec": { "externalTrafficPolicy": "Local" }, "metadata": { "labels": { "a": "b" } } });
    let answer = raw.merge(STATUS, body).await.expect(200);
    assert_eq!(answer.body["spec"], before.body["spec"]);
    assert_eq!(
        answer.body["metadata"]["labels"]["a"], "b",
        "metadata goes through /status"
    );
}

#[tokio::test]
async fn only_load_balancers_have_an_ingress() {
    let raw = Raw::new();
    raw.web(json!({ "type": "ClusterIP" })).await;
    let answer = raw
        .merge(STATUS, ingress(json!([{ "ip": "192.0.2.1" }])))
        .await
        .expect(422);
    let expected = "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'";
    assert!(answer.message().contains(expected), "{}", answer.message());
}

#[tokio::test]
async fn conditions_are_not_validated_and_merge_by_type_only_strategically() {
    let raw = Raw::new();
    raw.web(json!({})).await;
    let odd =
        json!([{ "type": "a b", "status": "Yes", "reason": "", "message": "x".repeat(40_000) }]);
    raw.merge(STATUS, json!({ "status": { "conditions": odd } }))
        .await
        .expect(200);
    let one =
        |kind: &str| json!({ "status": { "conditions": [{ "type": kind, "status": "True" }] } });
    let count = |answer: crate::raw::Answer| {
        answer.body["status"]["conditions"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        count(raw.merge(STATUS, one("X")).await),
        1,
        "a merge patch replaces the list"
    );
    assert_eq!(count(raw.strategic(STATUS, one("Y")).await), 2);
    assert_eq!(count(raw.strategic(STATUS, one("Y")).await), 2);
}

#[tokio::test]
async fn a_status_is_not_created_with_its_object() {
    let raw = Raw::new();
    let mut body = crate::raw::service("web", json!({}));
    body["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } });
    let answer = raw.post(SERVICES, body).await.expect(201);
    assert_eq!(answer.body["status"], json!({ "loadBalancer": {} }));
}
