//! What holds for files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MOST_LINES: usize = 400;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files that git tracks or would, with this ending.
pub(crate) fn files(ending: &str) -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        listed.status.success(),
        "the rules of files need a git checkout"
    );
    let names = String::from_utf8(listed.stdout).unwrap();
    let paths = names.lines().map(|name| root().join(name));
    let paths: Vec<_> = paths.filter(|path| path.exists()).collect();
    paths
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect()
}

#[test]
fn no_source_file_is_longer_than_400_lines() {
    let sources = files(".rs");
    assert!(sources.len() > 10, "the sources were not found");
    for path in sources {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(
            lines <= MOST_LINES,
            "{} has {lines} lines; split it by noun",
            path.display()
        );
    }
}

#[test]
fn every_decision_is_in_the_list_and_short() {
    let folder = root().join("docs/decisions");
    let list = fs::read_to_string(folder.join("README.md")).unwrap();
    let pages = files(".md")
        .into_iter()
        .filter(|path| path.starts_with(&folder));
    let mut seen = 0;
    for path in pages.filter(|path| !path.ends_with("README.md")) {
        seen += 1;
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            list.contains(&format!("({name})")),
            "{name} is not in the list of decisions"
        );
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.lines().count() < 60, "{name} is longer than a page");
        for part in ["**Context.**", "**Decision.**", "**Consequences.**"] {
            assert!(text.contains(part), "{name} has no {part}");
        }
    }
    assert!(seen >= 6, "decisions were not found");
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    for path in files(".md") {
        let text = fs::read_to_string(&path).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
        {
            let target = target.0.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let place = path.parent().unwrap().join(target);
            assert!(place.exists(), "{}: {target} is not there", path.display());
        }
    }
}

#[test]
fn speakers_decide_by_no_clock_that_can_be_set() {
    let of_speakers = [
        "providers/bare-metal/bfd/src",
        "providers/bare-metal/bgp/src",
        "providers/bare-metal/l2/src",
        "providers/bare-metal/speaker/src",
    ];
    let sources = files(".rs").into_iter();
    let sources: Vec<_> = sources
        .filter(|path| {
            of_speakers
                .iter()
                .any(|it| path.starts_with(root().join(it)))
        })
        .collect();
    assert!(sources.len() > 10, "the sources were not found");
    for path in sources {
        for line in fs::read_to_string(&path).unwrap().lines() {
            // What people read, and nobody acts on.
            let line = line.trim_start();
            let mut fields = ["since: ", "started: ", "at: "].into_iter();
            let field = line
                .split_once(" = ")
                .and_then(|(it, _)| it.rsplit_once('.'));
            let is_since = field.is_some_and(|(_, it)| it == "since");
            let is_told = is_since || fields.any(|field| line.starts_with(field));
            let reads = ["SystemTime::now", "Timestamp::now", "Utc::now"];
            let is_read = reads.iter().any(|it| line.contains(it));
            assert!(!is_read || is_told, "{}: {line}", path.display());
        }
    }
}
