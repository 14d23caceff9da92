//! What is measured: `landfall controller`, as a process of its own.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::cloud::{Cloud, TOKEN};
use crate::cluster::{CLASS, CLUSTER_NAME, kubeconfig};
use crate::process::{Process, program};

pub struct Subject {
    folder: TempDir,
    kubeconfig: PathBuf,
}

impl Subject {
    pub fn prepare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), TOKEN).unwrap();
        Self {
            folder,
            kubeconfig: kubeconfig(),
        }
    }

    /// Starts one for this cloud; it is not waited for.
    pub fn start(&self, cloud: &Cloud) -> Process {
        self.start_as(&format!(
            "type: mock-cloud\n  url: {}\n  tokenFile: token\n",
            cloud.url
        ))
    }

    /// Starts one that gives addresses of pools.
    pub fn start_with_pools(&self) -> Process {
        self.start_as("type: bare-metal\n")
    }

    fn start_as(&self, provider: &str) -> Process {
        let path = self.folder.path().join("landfall.yaml");
        let config =
            format!("clusterName: {CLUSTER_NAME}\nproviders:\n- class: {CLASS}\n  {provider}");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new(program("landfall"));
        command
            .args(["controller", "--admin-address", "127.0.0.1:0", "--config"])
            .arg(path)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig);
        Process::start(&mut command)
    }
}
