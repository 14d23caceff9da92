//! What is measured: the program of the image, and what is not built with a bench.

use std::path::Path;
use std::process::Command;

use landfall_test_process::program;

use crate::world;

/// What is not built with a bench: the mock cluster, and what asks for addresses. Named with the bench,
/// they are built with the same features, and what they have in common is not built twice.
/// The program of the image is what is measured, and the rest as cargo builds benches.
pub fn build(bench: &str) {
    let packages = ["landfall", "landfall-mock-cluster", "landfall-test-network"];
    let packages = packages.iter().flat_map(|it| ["-p", it]);
    cargo(
        &["build", "--release", "--bins", "--bench", bench],
        packages,
    );
    let speaker = "--profile dist-small --no-default-features -p landfall --bin landfall-speaker";
    let flags = speaker
        .split(' ')
        .chain(["--", "-C", "target-feature=+crt-static"]);
    cargo(&["rustc"], flags);
    let release = program("mock-cluster");
    let target = release.parent().and_then(Path::parent).unwrap();
    let built = target.join("dist-small/landfall-speaker");
    world::PROGRAM.set(built).unwrap();
}

fn cargo<'a>(action: &[&str], flags: impl Iterator<Item = &'a str>) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(action).args(flags);
    // What cargo tells this program of itself would have build scripts run again.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    assert!(command.status().unwrap().success(), "{command:?}");
}
