//! Dependencies point one way.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each of our packages may use of ours. A package that is not named here fails the test.
const ALLOWED: &[(&str, &[&str])] = &[
    (
        "landfall",
        &[
            "landfall-bare-metal-resources",
            "landfall-events",
            "landfall-mock-cloud",
            "landfall-mock-cluster",
            "landfall-process",
            "landfall-provider-api",
            "landfall-provider-aws",
            "landfall-provider-bare-metal",
            "landfall-provider-mock-cloud",
            "landfall-service",
            "landfall-speaker",
            "landfall-watch",
        ],
    ),
    ("landfall-bare-metal-resources", &[]),
    ("landfall-bare-metal-bgp", &[]),
    ("landfall-bare-metal-bfd", &[]),
    ("landfall-bare-metal-l2", &[]),
    (
        "landfall-bare-metal-allocator",
        &["landfall-bare-metal-resources", "landfall-provider-api"],
    ),
    ("landfall-control-plane", &[]),
    ("landfall-events", &[]),
    (
        "landfall-mock-cloud",
        &["landfall-mock-cloud-wire", "landfall-process"],
    ),
    ("landfall-mock-cloud-wire", &[]),
    ("landfall-mock-cluster", &["landfall-process"]),
    ("landfall-process", &[]),
    ("landfall-provider-api", &[]),
    (
        "landfall-provider-aws",
        &["landfall-provider-api", "landfall-watch"],
    ),
    (
        "landfall-provider-bare-metal",
        &[
            "landfall-bare-metal-allocator",
            "landfall-bare-metal-resources",
            "landfall-events",
            "landfall-provider-api",
            "landfall-watch",
        ],
    ),
    (
        "landfall-provider-mock-cloud",
        &["landfall-mock-cloud-wire", "landfall-provider-api"],
    ),
    ("landfall-service", &["landfall-provider-api"]),
    (
        "landfall-speaker",
        &[
            "landfall-bare-metal-bfd",
            "landfall-bare-metal-bgp",
            "landfall-bare-metal-l2",
            "landfall-bare-metal-resources",
            "landfall-watch",
        ],
    ),
    ("landfall-test-aws", &[]),
    (
        "landfall-test-network",
        &["landfall-bare-metal-l2", "landfall-test-process"],
    ),
    ("landfall-test-process", &[]),
    (
        "landfall-test-routers",
        &["landfall-test-network", "landfall-test-process"],
    ),
    ("landfall-watch", &[]),
];

/// What pure crates must not even reach through others.
const PURE: &[(&str, &[&str])] = &[
    (
        "landfall-provider-api",
        &["tokio", "kube-client", "k8s-openapi", "reqwest"],
    ),
    (
        "landfall-service",
        &["tokio", "kube-client", "kube-runtime", "reqwest"],
    ),
    (
        "landfall-bare-metal-resources",
        &["tokio", "kube-client", "kube-runtime", "reqwest"],
    ),
    ("landfall-mock-cloud-wire", &["tokio", "axum"]),
    (
        "landfall-bare-metal-bfd",
        &["tokio", "kube-client", "k8s-openapi", "reqwest"],
    ),
    (
        "landfall-bare-metal-l2",
        &["tokio", "kube-client", "k8s-openapi", "reqwest"],
    ),
    (
        "landfall-bare-metal-bgp",
        &["tokio", "kube-client", "k8s-openapi", "reqwest"],
    ),
    (
        "landfall-bare-metal-allocator",
        &["tokio", "kube-client", "kube-runtime", "reqwest"],
    ),
];

/// Names of packages, each with the names of those that it uses outside its tests.
fn uses() -> (BTreeSet<String>, BTreeMap<String, BTreeSet<String>>) {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .other_options(vec!["--locked".into()])
        .exec()
        .unwrap();
    let names: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|it| (&it.id, it.name.to_string()))
        .collect();
    let ours = metadata
        .workspace_packages()
        .iter()
        .map(|it| it.name.to_string())
        .collect();
    let resolve = metadata.resolve.as_ref().unwrap();
    let edges = resolve.nodes.iter().map(|node| {
        let used = node.deps.iter().filter(|dependency| {
            dependency
                .dep_kinds
                .iter()
                .any(|it| it.kind == DependencyKind::Normal)
        });
        (
            names[&node.id].clone(),
            used.map(|dependency| names[&dependency.pkg].clone())
                .collect(),
        )
    });
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, used) in edges {
        let used: BTreeSet<String> = used;
        uses.entry(name).or_default().extend(used);
    }
    (ours, uses)
}

#[test]
fn our_packages_use_only_what_the_design_lets_them() {
    let (ours, uses) = uses();
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    for package in &ours {
        let allowed = allowed
            .get(package.as_str())
            .unwrap_or_else(|| panic!("{package} has no rule; say in this test what it may use"));
        for used in uses[package].intersection(&ours) {
            assert!(
                allowed.contains(&used.as_str()),
                "{package} must not use {used}"
            );
        }
    }
}

#[test]
fn pure_packages_reach_no_io() {
    let (_, uses) = uses();
    for (package, banned) in PURE {
        let mut reached = BTreeSet::new();
        let mut open = vec![(*package).to_owned()];
        while let Some(name) = open.pop() {
            for used in uses.get(&name).into_iter().flatten() {
                if reached.insert(used.clone()) {
                    open.push(used.clone());
                }
            }
        }
        for banned in *banned {
            assert!(
                !reached.contains(*banned),
                "{package} must not reach {banned}"
            );
        }
    }
}
