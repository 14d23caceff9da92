//! The kubeconfig as a file: readable by its owner only, written whole, never over a file that
//! is not ours, and gone when its owner is dropped.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
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
    /// The process that wrote it still runs.
    #[error("belongs to a process that runs; end that one, or choose another file")]
    InUse,
    /// The system refused.
    #[error("cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// A kubeconfig file that lives as long as this value.
pub struct Kubeconfig {
    path: PathBuf,
    content: String,
    /// Locked as long as this lives, by which others know that the file is in use.
    _lock: File,
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
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if !file.metadata()?.is_file() {
            return Err(KubeconfigError::NotOurs);
        }
        let mut start = Vec::new();
        (&file).take(MARKER.len() as u64).read_to_end(&mut start)?;
        if !start.is_empty() && start != MARKER.as_bytes() {
            return Err(KubeconfigError::NotOurs);
        }
        match file.try_lock_shared() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(KubeconfigError::InUse),
            Err(TryLockError::Error(error)) => Err(error.into()),
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
            .and_then(|mut file| {
                file.lock()?;
                file.write_all(content.as_bytes())?;
                // Renamed, so that nobody reads half of it and its mode is never wider.
                fs::rename(&temporary, path)?;
                Ok(file)
            });
        match written {
            Ok(lock) => Ok(Self {
                path: path.to_owned(),
                content,
                _lock: lock,
            }),
            Err(error) => {
                let _ = fs::remove_file(&temporary);
                Err(error.into())
            }
        }
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

    use super::{Kubeconfig, KubeconfigError, MARKER};

    #[test]
    fn it_is_ours_alone_and_goes_with_us() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let file = Kubeconfig::write(&path, "a: b\n").unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let refused = Kubeconfig::write(&path, "a: c\n").unwrap_err();
        assert!(matches!(refused, KubeconfigError::InUse), "{refused}");
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn one_that_was_left_behind_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, format!("{MARKER}\nold: yes\n")).unwrap();
        let file = Kubeconfig::write(&path, "a: b\n").unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("a: b\n"));
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_file_is_not_ours() {
        let refused = Kubeconfig::check(std::path::Path::new("/dev/zero")).unwrap_err();
        assert!(matches!(refused, KubeconfigError::NotOurs), "{refused}");
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
