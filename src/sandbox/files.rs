//! The files of a sandbox: the kubeconfig and the mock cloud's tokens. They go when it ends.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use landfall_mock_cluster::Kubeconfig;
use landfall_process::Failure;
use tempfile::TempDir;

/// Files that are removed when this is dropped, readable by their owner only.
#[derive(Debug)]
pub(super) struct Files {
    kubeconfig: PathBuf,
    // In this order: the kubeconfig may stand in the folder.
    _kubeconfig: Kubeconfig,
    folder: TempDir,
}

impl Files {
    /// Writes the tokens into a folder of our own, and the kubeconfig to where the user chose, or
    /// there too. A file that is there already and not ours is left alone.
    pub(super) fn write(
        chosen: Option<&Path>,
        kubeconfig: &str,
        tokens: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("landfall-sandbox-")
            .tempdir()
            .map_err(|error| Failure::run(format!("cannot make a folder for files: {error}")))?;
        for (name, token) in tokens {
            let path = folder.path().join(name);
            let shown = path.display();
            write_new(&path, token)
                .map_err(|error| Failure::run(format!("{shown}: cannot be written: {error}")))?;
        }
        let path = chosen.map_or_else(|| folder.path().join("kubeconfig"), Path::to_owned);
        let written = Kubeconfig::write(&path, kubeconfig)
            .map_err(|error| Failure::usage(format!("--kubeconfig {}: {error}", path.display())))?;
        Ok(Self {
            kubeconfig: path,
            _kubeconfig: written,
            folder,
        })
    }

    pub(super) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// One of the token files, by its name.
    pub(super) fn token(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_goes_with_the_sandbox() {
        let tokens = [("token", "t"), ("admin-token", "a")];
        let files = Files::write(None, "kind: Config\n", &tokens).unwrap();
        let (kubeconfig, token) = (files.kubeconfig().to_owned(), files.token("token"));
        assert!(
            std::fs::read_to_string(&kubeconfig)
                .unwrap()
                .ends_with("kind: Config\n")
        );
        assert_eq!(std::fs::read_to_string(&token).unwrap(), "t");
        drop(files);
        assert!(!kubeconfig.exists() && !token.parent().unwrap().exists());
    }
}
