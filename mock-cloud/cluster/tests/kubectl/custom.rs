//! Custom resources as a user meets them: a file of definitions, a file of objects, and every
//! verb of kubectl on them.

use std::process::Stdio;

use crate::world::World;

const DEFINITIONS: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: addresspools.nets.example.dev}
spec:
  group: nets.example.dev
  scope: Namespaced
  names: {kind: AddressPool, plural: addresspools, shortNames: [pool, pools], categories: [nets]}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns:
    - {name: Addresses, type: string, jsonPath: '.spec.addresses[*]'}
    - {name: Auto, type: boolean, jsonPath: .spec.auto}
    - {name: Free, type: integer, jsonPath: .status.free}
    - {name: Family, type: string, jsonPath: .spec.family, priority: 1}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        description: A set of addresses to hand out.
        required: [spec]
        properties:
          spec:
            type: object
            description: What may be handed out.
            required: [addresses]
            x-kubernetes-validations:
            - {rule: "self.addresses.all(a, isIP(a) || isCIDR(a))", message: "addresses are IPs or CIDRs", fieldPath: .addresses}
            properties:
              addresses:
                type: array
                description: Addresses and blocks of them.
                minItems: 1
                maxItems: 16
                items: {type: string, maxLength: 64}
              auto: {type: boolean, default: true, description: Whether Services get one unasked.}
              family: {type: string, enum: [IPv4, IPv6], description: One family only.}
              priority: {type: integer, minimum: 0}
          status:
            type: object
            description: What is left.
            properties:
              free: {type: integer, description: Addresses that nobody has.}
              conditions:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [type]
                items:
                  type: object
                  required: [type, status]
                  properties:
                    type: {type: string}
                    status: {type: string}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: bfdprofiles.nets.example.dev}
spec:
  group: nets.example.dev
  scope: Cluster
  names: {kind: BFDProfile, plural: bfdprofiles, categories: [nets]}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
"#;

const POOLS: &str = "
apiVersion: nets.example.dev/v1alpha1
kind: AddressPool
metadata: {name: blue}
spec: {addresses: [192.0.2.0/24, 198.51.100.1]}
---
apiVersion: nets.example.dev/v1alpha1
kind: BFDProfile
metadata: {name: fast}
spec: {receiveInterval: 300, any: {thing: [1, 2]}}
";

#[test]
fn kinds_of_ones_own_are_used_like_any() {
    let Some(world) = World::start() else { return };
    world.feed("apply -f -", DEFINITIONS);
    world.run("wait --for=condition=established crd --all --timeout=30s");
    let again = world.feed("apply -f -", DEFINITIONS);
    assert_eq!(again.matches("unchanged").count(), 2, "{again}");
    let listed = world.run("get crd");
    assert!(
        listed.contains("addresspools.nets.example.dev") && listed.contains("CREATED AT"),
        "{listed}"
    );
    let resources = world.run("api-resources --api-group=nets.example.dev -o wide");
    for text in [
        "pool,pools",
        "AddressPool",
        "BFDProfile",
        "nets.example.dev/v1alpha1",
    ] {
        assert!(resources.contains(text), "{text}: {resources}");
    }

    world.feed("apply -f -", POOLS);
    assert_eq!(
        world.feed("apply -f -", POOLS).matches("unchanged").count(),
        2
    );
    let shown = world.run("get pools");
    let head: Vec<&str> = shown.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(head, ["NAME", "ADDRESSES", "AUTO", "FREE", "AGE"]);
    let row: Vec<&str> = shown.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..3], ["blue", "192.0.2.0/24", "true"], "{shown}");
    assert!(world.run("get pool blue -o wide").contains("FAMILY"));
    for name in [
        "addresspools",
        "addresspool",
        "AddressPool",
        "pool",
        "addresspools.nets.example.dev",
        "addresspools.v1alpha1.nets.example.dev",
    ] {
        assert!(world.run(&format!("get {name}")).contains("blue"), "{name}");
    }
    world.run("create service clusterip web --tcp=80");
    let both = world.run("get pools,svc");
    assert!(
        both.contains("addresspool.nets.example.dev/blue") && both.contains("service/web"),
        "{both}"
    );
    let category = world.run("get nets");
    assert!(
        category.contains("/blue") && category.contains("bfdprofile.nets.example.dev/fast"),
        "{category}"
    );
    let described = world.run("describe pool blue");
    for text in [
        "API Version:  nets.example.dev/v1alpha1",
        "198.51.100.1",
        "Auto:",
        "Events:",
    ] {
        assert!(described.contains(text), "{text}: {described}");
    }
    let yaml = world.run("get bfdprofile fast -o yaml");
    assert!(
        yaml.contains("receiveInterval: 300") && yaml.contains("thing:"),
        "{yaml}"
    );
    world.stop();
}

#[test]
fn what_a_schema_says_is_explained_and_held_to() {
    let Some(world) = World::start() else { return };
    world.feed("apply -f -", DEFINITIONS);
    world.run("wait --for=condition=established crd --all --timeout=30s");
    let explained = world.run("explain addresspool");
    assert!(
        explained.contains("GROUP:      nets.example.dev")
            && explained.contains("A set of addresses to hand out."),
        "{explained}"
    );
    let explained = world.run("explain addresspool.spec");
    for text in [
        "addresses\t<[]string> -required-",
        "Whether Services get one unasked.",
        "enum: IPv4, IPv6",
    ] {
        assert!(explained.contains(text), "{text}: {explained}");
    }
    let explained = world.run("explain pool.spec.addresses --recursive");
    assert!(
        explained.contains("Addresses and blocks of them."),
        "{explained}"
    );
    let explained = world.run("explain pool --recursive");
    assert!(
        explained.contains("free\t<integer>") && explained.contains("conditions\t<[]Object>"),
        "{explained}"
    );

    for (from, to, why) in [
        (
            "addresses: [",
            "adresses: [",
            r#"unknown field "spec.adresses""#,
        ),
        (
            "192.0.2.0/24",
            "everything",
            "spec.addresses: Invalid value: addresses are IPs or CIDRs",
        ),
        (
            "addresses: [",
            "priority: high, addresses: [",
            "spec.priority: Invalid value: \"string\": spec.priority in body must be of type integer: \"string\"",
        ),
        (
            "addresses: [",
            "family: IPv5, addresses: [",
            "spec.family: Unsupported value: \"IPv5\": supported values: \"IPv4\", \"IPv6\"",
        ),
    ] {
        let refused = world.refuse("apply -f -", &POOLS.replace(from, to));
        assert!(refused.contains(why), "{why}: {refused}");
    }
    let broken = DEFINITIONS.replace("isIP(a)", "isIP(b)");
    let refused = world.refuse("apply -f -", &broken);
    assert!(refused.contains("undeclared reference to 'b'"), "{refused}");
    world.stop();
}

#[test]
fn objects_of_ones_own_kind_change_and_go() {
    let Some(world) = World::start() else { return };
    world.feed("apply -f -", DEFINITIONS);
    world.run("wait --for=condition=established crd --all --timeout=30s");
    world.feed("apply -f -", POOLS);
    let mut watch = world
        .command("get pools -w")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(watch.stdout.take().unwrap()))
        .map(Result::unwrap);
    assert!(lines.next().unwrap().contains("ADDRESSES"));
    assert!(lines.next().unwrap().contains("blue"));
    world.run(
        r#"patch pool blue --subresource=status --type=merge -p '{"status":{"free":7,"conditions":[{"type":"Ready","status":"True"}]}}'"#,
    );
    let changed = lines.next().unwrap();
    assert!(changed.contains(" 7 "), "{changed}");
    watch.kill().unwrap();
    watch.wait().unwrap();
    world.run("wait --for=condition=Ready pool/blue");
    world.run(r#"patch pool blue --type=merge -p '{"spec":{"auto":false}}'"#);
    world.run(
        r#"patch pool blue --type=json -p '[{"op":"add","path":"/spec/priority","value":3}]'"#,
    );
    let refused = world.refuse(r#"patch pool blue -p '{"spec":{"priority":4}}'"#, "");
    assert!(
        refused.contains("415")
            || refused.contains("UnsupportedMediaType")
            || refused.contains("unknown format"),
        "{refused}"
    );
    world.run("label pool blue colour=blue");
    world.run("annotate pool blue note=x");
    let edited = world
        .command("edit pool blue")
        .env("KUBE_EDITOR", "sed -i s/198.51.100.1/203.0.113.0/")
        .output()
        .unwrap();
    assert!(
        edited.status.success(),
        "{}",
        String::from_utf8_lossy(&edited.stderr)
    );
    let shown = world.run("get pool blue -o json");
    for text in [
        "203.0.113.0",
        "\"priority\": 3",
        "\"auto\": false",
        "\"free\": 7",
        "\"colour\": \"blue\"",
        "\"generation\": 4",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert!(
        world
            .feed("replace -f -", &shown.replace("203.0.113.0", "203.0.113.9"))
            .contains("replaced")
    );
    let diff = world.output("diff -f -", POOLS);
    assert_eq!(
        diff.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&diff.stderr)
    );
    world.feed("apply --server-side --force-conflicts -f -", POOLS);
    assert!(
        world
            .run("get pools -l colour=blue -o name")
            .contains("blue")
    );
    world.run("delete pool blue");
    assert!(!world.run("get pools -o name").contains("blue"));
    world.feed("apply -f -", POOLS);
    world.feed("delete -f -", DEFINITIONS);
    // kubectl remembers the kind for a while.
    let refused = world.refuse("get pools", "");
    let gone = [
        "could not find the requested resource",
        "have a resource type",
    ];
    assert!(gone.iter().any(|text| refused.contains(text)), "{refused}");
    world.stop();
}
