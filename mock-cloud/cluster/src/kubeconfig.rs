//! The kubeconfig as a file: readable by its owner only, written whole, never over a file that
//! is not ours, and gone when its owner is dropped.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The first line of each file that we write.
const MARKER: &str = "# Written by a Landfall mock cluster, which removes it when it ends.";

/// Why a kubeconfig file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// It exists and has another content than ours.
    #[error(
        "exists and was not written by a mock cluster; choose another file, or remove it if nobody needs it"
    )]
    NotOurs,
    /// The system refused.
    #[error("cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// A kubeconfig file that lives as long as this value.
pub struct Kubeconfig {
    path: PathBuf,
    content: String,
}

impl std::fmt::Debug for Kubeconfig {
    /// Shows the path; the content holds a token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Kubeconfig")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Kubeconfig {
    /// Whether a file may be written there.
    ///
    /// # Errors
    /// When there is a file that does not start with our marker, or one that cannot be read.
    pub fn check(path: &Path) -> Result<(), KubeconfigError> {
        match fs::read(path) {
            Ok(content) if content.is_empty() || content.starts_with(MARKER.as_bytes()) => Ok(()),
            Ok(_) => Err(KubeconfigError::NotOurs),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the file (mode 0600), below a comment that marks it as ours.
    ///
    /// # Errors
    /// As `check`, and when the folder does not let us.
    pub fn write(path: &Path, kubeconfig: &str) -> Result<Self, KubeconfigError> {
        Self::check(path)?;
        let content = format!("{MARKER}\n{kubeconfig}");
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let temporary = folder.unwrap_or(Path::new(".")).join(format!(
            ".{}.{}",
            path.file_name().unwrap_or_default().to_string_lossy(),
            std::process::id()
        ));
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .and_then(|mut file| file.write_all(content.as_bytes()))
            // Renamed, so that nobody reads half of it and its mode is never wider.
            .and_then(|()| fs::rename(&temporary, path));
        if let Err(error) = written {
            let _ = fs::remove_file(&temporary);
            return Err(error.into());
        }
        Ok(Self {
            path: path.to_owned(),
            content,
        })
    }
}

impl Drop for Kubeconfig {
    /// Removes the file, unless somebody has put another there.
    fn drop(&mut self) {
        if fs::read_to_string(&self.path).is_ok_and(|content| content == self.content) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{Kubeconfig, KubeconfigError};

    #[test]
    fn it_is_ours_alone_and_goes_with_us() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let file = Kubeconfig::write(&path, "a: b\n").unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let newer = Kubeconfig::write(&path, "a: c\n").unwrap();
        drop(file);
        assert!(path.exists(), "another process' file stays");
        drop(newer);
        assert!(!path.exists());
    }

    #[test]
    fn a_foreign_file_stays_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, "apiVersion: v1\n").unwrap();
        let refused = Kubeconfig::write(&path, "a: b\n").unwrap_err();
        assert!(matches!(refused, KubeconfigError::NotOurs));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "apiVersion: v1\n");
    }
}
