//! Manifests in files: their documents, and in which line each field of them stands.

mod document;
mod node;
mod object;

use std::io::{ErrorKind, Read as _};
use std::path::Path;

use landfall_process::Failure;

pub(crate) use document::{Document, Place};
pub(crate) use object::{Object, objects};

/// The documents of a file, or of standard input for `-`.
pub(crate) struct Manifests {
    /// What the file is called in messages.
    pub(crate) name: String,
    /// Its documents; those without content are left out.
    pub(crate) documents: Vec<Document>,
    /// What of it could not be parsed. One such document hides no other.
    pub(crate) broken: Vec<NoYaml>,
}

/// Why a document is not YAML, and in which line.
pub(crate) struct NoYaml {
    pub(crate) line: u64,
    pub(crate) message: String,
}

/// Reads files one after the other. One that cannot be read is a failure; one that is no YAML is not.
pub(crate) fn read(files: &[impl AsRef<Path>]) -> Result<Vec<Manifests>, Failure> {
    files.iter().map(|file| read_one(file.as_ref())).collect()
}

fn read_one(file: &Path) -> Result<Manifests, Failure> {
    let (name, bytes) = if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().read_to_end(&mut bytes).map(|_| bytes);
        ("standard input".to_owned(), read)
    } else {
        (file.display().to_string(), std::fs::read(file))
    };
    let unreadable = |why: String| Failure::usage(format!("{name}: cannot be read: {why}"));
    let bytes = bytes.map_err(|error| match error.kind() {
        ErrorKind::IsADirectory => unreadable("it is a folder; name the files in it".to_owned()),
        _ => unreadable(error.to_string()),
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        unreadable(format!(
            "line {line} is no text in UTF-8; save the file in that"
        ))
    })?;
    let (documents, broken) = document::parse(&text);
    Ok(Manifests {
        name,
        documents,
        broken,
    })
}
