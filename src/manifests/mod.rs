//! Manifests in files: their documents, and in which line each field of them stands.

mod document;
mod node;
mod object;

use std::io::Read as _;
use std::path::Path;

use landfall_process::Failure;

pub(crate) use document::{Document, Place};
pub(crate) use object::{Object, objects};

/// The documents of a file, or of standard input for `-`.
pub(crate) struct Manifests {
    /// What the file is called in messages.
    pub(crate) name: String,
    /// Its documents, or why it holds none.
    pub(crate) documents: Result<Vec<Document>, NoYaml>,
}

/// Why a text is not YAML, and in which line.
pub(crate) struct NoYaml {
    pub(crate) line: u64,
    pub(crate) message: String,
}

/// Reads files one after the other. One that cannot be read is a failure; one that is no YAML is not.
pub(crate) fn read(files: &[impl AsRef<Path>]) -> Result<Vec<Manifests>, Failure> {
    files.iter().map(|file| read_one(file.as_ref())).collect()
}

fn read_one(file: &Path) -> Result<Manifests, Failure> {
    let (name, text) = if file.as_os_str() == "-" {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text).map(|_| text);
        ("standard input".to_owned(), read)
    } else {
        (file.display().to_string(), std::fs::read_to_string(file))
    };
    let text = text.map_err(|error| Failure::usage(format!("{name}: cannot be read: {error}")))?;
    let documents = document::parse(&text);
    Ok(Manifests { name, documents })
}
