//! The walk of docs/bare-metal.md, typed as it stands there.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::cli::sandbox;
use crate::process::{PATIENCE, output, walk};

const PAGE: &str = include_str!("../../docs/bare-metal.md");

/// Writes the manifests whose first line says how they are called.
fn save_manifests(folder: &Path) {
    for block in PAGE.split("```yaml\n# ").skip(1) {
        let (name, manifest) = block.split_once('\n').unwrap();
        let manifest = manifest.split("```").next().unwrap();
        std::fs::write(folder.join(name), manifest).unwrap();
    }
}

#[test]
fn what_the_page_on_bare_metal_says_is_what_happens() {
    let Some((_sandbox, cli)) = sandbox(&[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    save_manifests(folder.path());
    let kubectl = cli.kubectl.display();
    let typed = walk(PAGE);
    assert!(typed.len() > 30, "{typed:?}");
    for (line, shown) in typed {
        let mut command = Command::new("bash");
        command
            .arg("-ec")
            .arg(format!("kubectl() {{ '{kubectl}' \"$@\"; }}\n{line}"))
            .env("KUBECONFIG", &cli.kubeconfig)
            .current_dir(folder.path());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (succeeded, said) = output(&mut command);
            assert!(succeeded, "{line}: {said}");
            let Some(shown) = &shown else { break };
            if said.contains(shown) {
                break;
            }
            assert!(Instant::now() < deadline, "{line}: no {shown} in {said}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
