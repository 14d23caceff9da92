//! A mark that a speaker has announced to routers since the node was started: in a folder that is empty
//! after a boot. The next speaker then knows that the kernel has carried traffic on meanwhile, and may say
//! so (RFC 4724 §4.1).

use std::io;
use std::path::{Path, PathBuf};

const NAME: &str = "announced";

/// Where the mark is.
#[derive(Debug)]
pub(crate) struct Marker {
    path: PathBuf,
    is_set: bool,
}

impl Marker {
    /// The mark in a folder, as it is now.
    pub(crate) fn of(folder: &Path) -> Self {
        let path = folder.join(NAME);
        let is_set = path.exists();
        Self { path, is_set }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.is_set
    }

    /// Sets it, once.
    pub(crate) fn set(&mut self) {
        if std::mem::replace(&mut self.is_set, true) {
            return;
        }
        if let Err(error) = self.write() {
            let path = self.path.display();
            tracing::warn!(%path, %error, "cannot be written: routers will not keep routes over a restart");
        }
    }

    fn write(&self) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&self.path, "")
    }
}
