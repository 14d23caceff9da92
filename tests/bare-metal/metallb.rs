//! MetalLB's objects, unedited, in the namespace of the story.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::objects::{addresses, condition, service};
use crate::place::object;
use crate::world::{World, eventually};

/// MetalLB's kinds: singular, plural, version.
const KINDS: [(&str, &str, &str); 6] = [
    ("IPAddressPool", "ipaddresspools", "v1beta1"),
    ("L2Advertisement", "l2advertisements", "v1beta1"),
    ("BGPAdvertisement", "bgpadvertisements", "v1beta1"),
    ("BGPPeer", "bgppeers", "v1beta2"),
    ("BFDProfile", "bfdprofiles", "v1beta1"),
    ("Community", "communities", "v1beta1"),
];

/// A world with MetalLB's kinds, and a controller that is yet to be started.
async fn with_metallb() -> World {
    let mut world = World::without_controller().await;
    world.install().await;
    for (kind, plural, version) in KINDS {
        let lower = kind.to_lowercase();
        let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.metallb.io")},
            "spec": {
                "group": "metallb.io",
                "names": {"kind": kind, "plural": plural, "singular": lower, "listKind": format!("{kind}List")},
                "scope": "Namespaced",
                "versions": [{
                    "name": version,
                    "served": true,
                    "storage": true,
                    "schema": {"openAPIV3Schema": any},
                }],
            },
        });
        world.define(&object(definition)).await;
    }
    world.read_metallb();
    world
}

/// The objects of a kind of MetalLB's in the story's namespace.
fn theirs(world: &World, kind: &str) -> (ApiResource, Api<DynamicObject>) {
    let (kind, plural, version) = KINDS.into_iter().find(|it| it.0 == kind).unwrap();
    let resource = ApiResource {
        group: "metallb.io".into(),
        version: version.into(),
        api_version: format!("metallb.io/{version}"),
        kind: kind.into(),
        plural: plural.into(),
    };
    let (client, namespace) = (world.place.client.clone(), &world.place.namespace);
    let api = Api::namespaced_with(client, namespace, &resource);
    (resource, api)
}

async fn make(world: &World, kind: &str, name: &str, spec: Value) {
    let (resource, api) = theirs(world, kind);
    let made = object(json!({
        "apiVersion": resource.api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": world.place.namespace},
        "spec": spec,
    }));
    api.create(&PostParams::default(), &made).await.unwrap();
}

fn asking(name: &str, annotations: &[(&str, &str)]) -> Value {
    let mut service = service(name);
    for (name, value) in annotations {
        service["metadata"]["annotations"][*name] = json!(value);
    }
    service
}

#[tokio::test]
async fn pools_advertisements_and_annotations_of_metallb_mean_what_they_mean_there() {
    let mut world = with_metallb().await;
    let ranges = json!({"addresses": ["192.0.2.8-192.0.2.20"]});
    make(&world, "IPAddressPool", "first", ranges).await;
    let asked =
        json!({"addresses": ["198.51.100.0/24"], "autoAssign": false, "avoidBuggyIPs": true});
    make(&world, "IPAddressPool", "asked", asked).await;
    let lan = json!({"ipAddressPools": ["first"]});
    make(&world, "L2Advertisement", "lan", lan).await;
    world.start_controller().await;

    world.create(&service("plain")).await;
    let plain = world.until_at("plain", &["192.0.2.8"]).await;
    assert_eq!(
        condition(&plain, "landfall.dev/Announced")["reason"],
        "NoEndpoints"
    );
    world
        .create(&asking("pool", &[("metallb.io/address-pool", "asked")]))
        .await;
    let pool = world.until_at("pool", &["198.51.100.1"]).await;
    assert_eq!(
        condition(&pool, "landfall.dev/Announced")["reason"],
        "NoAdvertisement"
    );
    let old = [("metallb.universe.tf/loadBalancerIPs", "192.0.2.15")];
    world.create(&asking("old-prefix", &old)).await;
    world.until_at("old-prefix", &["192.0.2.15"]).await;
    for (name, port) in [("http", 80), ("https", 443)] {
        let mut shared = asking(name, &[("metallb.io/allow-shared-ip", "front")]);
        shared["spec"]["ports"][0]["port"] = json!(port);
        world.create(&shared).await;
        world.until_at(name, &["192.0.2.9"]).await;
    }
    // The first and last address of a /24 are no addresses of this pool.
    let buggy = [("metallb.io/loadBalancerIPs", "198.51.100.255")];
    world.create(&asking("buggy", &buggy)).await;
    world.until_lacks("buggy", "AddressNotInPool").await;
}

#[tokio::test]
async fn what_metallb_gave_is_kept() {
    let mut world = with_metallb().await;
    let spec = json!({"addresses": ["192.0.2.0/28"]});
    make(&world, "IPAddressPool", "first", spec).await;
    world.create(&service("old")).await;
    let given = json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}});
    world.patch_status("old", given).await;
    world.create(&service("new")).await;
    world.start_controller().await;
    world.until_at("new", &["192.0.2.0"]).await;
    let old = world
        .until("old", "is provided for", |it| {
            condition(it, "landfall.dev/Provisioned")["status"] == "True"
        })
        .await;
    assert_eq!(addresses(&old), ["192.0.2.9"]);
}

#[tokio::test]
async fn what_cannot_be_carried_over_is_told() {
    let mut world = with_metallb().await;
    let peer = json!({"myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.1", "vrf": "red"});
    make(&world, "BGPPeer", "router", peer).await;
    let bad = json!({"addresses": ["192.0.2.9-192.0.2.1"]});
    make(&world, "IPAddressPool", "bad", bad).await;
    world.start_controller().await;
    for (kind, name, words) in [
        ("BGPPeer", "router", "vrf"),
        ("IPAddressPool", "bad", "addresses[0]"),
    ] {
        let events = Api::<Event>::namespaced(world.place.client.clone(), &world.place.namespace);
        eventually(
            || async {
                let events = events.list(&ListParams::default()).await.unwrap();
                let mut told = events.items.iter().filter(|it| {
                    let about = it.regarding.as_ref();
                    about.is_some_and(|it| {
                        it.kind.as_deref() == Some(kind) && it.name.as_deref() == Some(name)
                    })
                });
                told.any(|it| it.note.as_deref().is_some_and(|note| note.contains(words)))
            },
            || format!("an event about {kind} {name} says {words}"),
        )
        .await;
    }
}

#[tokio::test]
async fn a_service_is_told_what_is_not_followed_of_the_objects_behind_it() {
    let mut world = with_metallb().await;
    let first = world.named("first");
    let pool = json!({"addresses": ["192.0.2.0/28"], "colour": "blue"});
    make(&world, "IPAddressPool", &first, pool).await;
    let plain = json!({"addresses": ["198.51.100.0/28"], "autoAssign": false});
    make(&world, "IPAddressPool", "plain", plain).await;
    let peer = json!({"myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.1", "vrf": "red"});
    make(&world, "BGPPeer", "router", peer).await;
    let routes = json!({"ipAddressPools": [first]});
    make(&world, "BGPAdvertisement", "routes", routes).await;
    world.start_controller().await;
    world.create(&service("web")).await;
    let dropped = |it: &Value| condition(it, "landfall.dev/NotCarriedOver")["message"].clone();
    let told = world
        .until("web", "is told", |it| dropped(it).is_string())
        .await;
    let told = dropped(&told);
    let told = told.as_str().unwrap();
    let of_pool = format!("IPAddressPool {first}: spec.colour");
    for expected in [&of_pool, "BGPPeer router: spec.vrf"] {
        assert!(told.contains(expected), "no {expected} in {told}");
    }
    let beside = asking("beside", &[("metallb.io/address-pool", "plain")]);
    world.create(&beside).await;
    let beside = world.until_at("beside", &["198.51.100.0"]).await;
    assert!(dropped(&beside).is_null(), "{beside:#}");

    let (_, peers) = theirs(&world, "BGPPeer");
    peers
        .delete("router", &DeleteParams::default())
        .await
        .unwrap();
    let only = "is told of the pool alone";
    let is_only = |it: &Value| {
        let told = dropped(it);
        told.is_string() && !told.as_str().unwrap().contains("BGPPeer")
    };
    world.until("web", only, is_only).await;
    let native = json!({"addresses": ["192.0.2.0/28"]});
    world.pool("first", native).await;
    let well = "is told nothing, for a native pool is in its place";
    world.until("web", well, |it| dropped(it).is_null()).await;
}

#[tokio::test]
async fn while_metallb_runs_its_services_are_left_alone_and_then_taken_over() {
    let mut world = with_metallb().await;
    let spec = json!({"addresses": ["192.0.2.0/28"]});
    make(&world, "IPAddressPool", "first", spec).await;
    world
        .pool("ours", json!({"addresses": ["198.51.100.1"]}))
        .await;
    let pods = Api::<Pod>::namespaced(world.place.client.clone(), &world.place.namespace);
    let pod = json!({
        "metadata": {
            "name": "controller",
            "labels": {"app": "metallb", "component": "controller"},
        },
        "spec": {"containers": [{"name": "controller", "image": "example.com/controller"}]},
    });
    let pod = pods
        .create(&PostParams::default(), &object(pod))
        .await
        .unwrap();
    world.start_controller().await;
    let mut classed = service("classed");
    classed["spec"]["loadBalancerClass"] = json!("landfall.dev/bare-metal");
    world.create(&classed).await;
    world.until_at("classed", &["198.51.100.1"]).await;
    world.create(&service("theirs")).await;
    let mut second = classed.clone();
    second["metadata"]["name"] = json!("second");
    world.create(&second).await;
    // MetalLB's pools give nothing, for it would not know.
    world.until_lacks("second", "Exhausted").await;
    let given = json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}}});
    world.patch_status("theirs", given).await;
    let theirs = world.get("theirs").await;
    assert!(theirs["metadata"]["finalizers"].is_null(), "{theirs:#}");
    assert!(condition(&theirs, "landfall.dev/Provisioned").is_null());
    assert_eq!(world.health.troubles(), [""; 0], "it is ready all the same");

    let now = DeleteParams::default().grace_period(0);
    pods.delete(&pod.name_any(), &now).await.unwrap();
    world.until_at("second", &["192.0.2.0"]).await;
    let theirs = world
        .until("theirs", "is taken over", |it| {
            condition(it, "landfall.dev/Provisioned")["status"] == "True"
        })
        .await;
    assert_eq!(addresses(&theirs), ["192.0.2.9"]);
}
