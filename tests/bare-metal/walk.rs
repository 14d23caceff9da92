//! What an administrator types, with kubectl: in a sandbox, where traffic is tried as well, and on a
//! real control plane.

use std::path::Path;

use crate::cli::{Cli, sandbox, until_answered};
use crate::place::STORY;
use crate::process::kubectl;
use crate::world::World;

/// The walk, with a pool of this name and label whose addresses begin with `net`.
fn walk(cli: &Cli, pool: &str, label: &str, net: &str) {
    // An API server publishes the description of a new kind a while after it serves it.
    cli.until("explain addresspool.spec", "skipNetworkAndBroadcast");
    let explained = cli.run("explain addresspool.spec");
    for field in [
        "skipNetworkAndBroadcast",
        "reuseAfter",
        "How long a released address rests",
    ] {
        assert!(explained.contains(field), "no {field}: {explained}");
    }
    let made = |addresses: &str| {
        format!(
            "apiVersion: landfall.dev/v1alpha1\nkind: AddressPool\nmetadata:\n  name: {pool}\n  \
             labels: {{{label}}}\nspec:\n  addresses: [{addresses}]\n  reuseAfter: 0s\n  priority: 1\n"
        )
    };
    let (applied, said) = cli.apply(&made(&format!("{net}.9-{net}.1")));
    assert!(!applied && said.contains("spec.addresses"), "{said}");
    assert!(said.contains("Invalid value"), "{said}");
    let (applied, said) = cli.apply(&made(&format!("{net}.1-{net}.3")));
    assert!(applied, "{said}");
    cli.until(&format!("get pool {pool}"), "True");

    // Assignment and request.
    cli.expose("web", 80, "");
    cli.until_at("web", &format!("{net}.1"));
    cli.run(&format!(
        "annotate service web landfall.dev/load-balancer-ips={net}.3"
    ));
    cli.until_at("web", &format!("{net}.3"));
    cli.expose(
        "late",
        80,
        &format!("landfall.dev/load-balancer-ips: {net}.3"),
    );
    cli.until_told("late", "AddressInUse");
    let events = cli.run("describe service late");
    assert!(events.contains("is in use by"), "{events}");

    // Sharing.
    cli.run("annotate service web landfall.dev/sharing-key=front");
    cli.run("annotate service late landfall.dev/sharing-key=front");
    cli.until_told("late", "PortInUse");
    cli.run("patch service late -p {\"spec\":{\"ports\":[{\"port\":443}]}} --type merge");
    cli.until_at("late", &format!("{net}.3"));

    // Drain.
    cli.run(&format!(
        "patch pool {pool} -p {{\"spec\":{{\"allocation\":\"Closed\"}}}} --type merge"
    ));
    cli.until(&format!("get pool {pool} -o yaml"), "reason: Closed");
    cli.expose("third", 80, &format!("landfall.dev/address-pool: {pool}"));
    cli.until_told("third", "PoolClosed");
    cli.until_at("web", &format!("{net}.3"));
    cli.run(&format!(
        "patch pool {pool} -p {{\"spec\":{{\"allocation\":\"Automatic\"}}}} --type merge"
    ));
    cli.until_at("third", &format!("{net}.1"));

    // Reservation.
    let (applied, said) = cli.apply(&format!(
        "{{apiVersion: landfall.dev/v1alpha1, kind: AddressReservation, metadata: {{name: mine}}, \
         spec: {{address: {net}.2}}}}"
    ));
    assert!(applied, "{said}");
    cli.until("get addressreservation mine", &format!("{net}.2"));
    cli.expose("mine", 80, "landfall.dev/reservation: mine");
    cli.until_at("mine", &format!("{net}.2"));

    // Exhaustion and relief.
    cli.expose("fourth", 80, &format!("landfall.dev/address-pool: {pool}"));
    cli.until_told("fourth", "Exhausted");
    cli.run("delete service third");
    cli.until_at("fourth", &format!("{net}.1"));
    cli.run("delete service mine");
    cli.until("get addressreservation mine", &format!("{net}.2"));
}

#[test]
fn what_an_administrator_types_in_a_sandbox() {
    let Some((_sandbox, cli)) = sandbox(&[]) else {
        return;
    };
    cli.run("create deployment web --image=echo --port=80 --replicas=2");
    // Addresses of this machine, of this run alone.
    let net = format!("127.150.{}", std::process::id() % 256);
    walk(&cli, "walked", "", &net);
    cli.run("patch service web -p {\"spec\":{\"selector\":{\"app\":\"web\"}}} --type merge");
    until_answered(&format!("{net}.3"), 80);

    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pools.yaml");
    cli.run(&format!("apply -f {}", examples.display()));
    cli.until("get pool office", "True");
    cli.until("get addressreservation front-door", "127.10.1.80");
}

#[tokio::test]
#[ignore = "needs a real control plane"]
async fn what_an_administrator_types_with_a_cluster_of_ones_own() {
    let Some(kubectl) = kubectl() else { return };
    let mut world = World::without_controller().await;
    world.install().await;
    world.start_controller().await;
    let kubeconfig = std::env::var_os("LANDFALL_CONTROL_PLANE");
    let cli = Cli {
        kubectl,
        kubeconfig: kubeconfig.expect("started by with-control-plane").into(),
        namespace: world.place.namespace.clone(),
    };
    let (pool, story) = (world.named("walked"), world.place.namespace.clone());
    let label = format!("{STORY}: {story}");
    let walked = tokio::task::spawn_blocking(move || walk(&cli, &pool, &label, "192.0.2"));
    walked.await.unwrap();
}
