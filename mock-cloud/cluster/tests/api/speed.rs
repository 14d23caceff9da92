//! A burst must not take long: a generous bound, so that only a change of order shows.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use landfall_mock_cluster::Cluster;
use serde_json::json;

#[tokio::test]
async fn a_thousand_services_and_three_thousand_patches() {
    let cluster = Cluster::new();
    let services: Api<Service> = Api::default_namespaced(cluster.client());
    let begun = Instant::now();
    for number in 0..1000 {
        let body = crate::raw::service(&format!("s{number}"), json!({}));
        let service: Service = serde_json::from_value(body).unwrap();
        services
            .create(&PostParams::default(), &service)
            .await
            .unwrap();
    }
    let created = begun.elapsed();
    let parameters = PatchParams::default();
    for number in 0..1000 {
        let name = format!("s{number}");
        let finalizer = Patch::Merge(json!({ "metadata": { "finalizers": ["a/b"] } }));
        services
            .patch_status(&name, &parameters, &finalizer)
            .await
            .unwrap();
        let ip = format!("192.0.2.{}", number % 250);
        let ingress = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": ip }] } } });
        services
            .patch_status(&name, &parameters, &Patch::Merge(ingress))
            .await
            .unwrap();
        let condition = json!({ "status": { "conditions": [{
            "type": "Ready", "status": "True", "reason": "Done", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
        }] } });
        services
            .patch_status(&name, &parameters, &Patch::Strategic(condition))
            .await
            .unwrap();
    }
    let all = begun.elapsed();
    println!("1000 creations {created:?}, with 3000 patches {all:?}");
    assert!(all < Duration::from_mins(1), "{all:?}");
}
