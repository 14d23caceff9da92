//! Every promise names a test that exists.

use std::collections::BTreeSet;
use std::fs;

use crate::files::{files, root};

/// The names of all tests and checks: functions of the sources, by their lines.
fn functions() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in files(".rs") {
        let text = fs::read_to_string(path).unwrap();
        for line in text.lines() {
            let line = line.trim_start().trim_start_matches("async ");
            if let Some((name, _)) = line
                .strip_prefix("fn ")
                .and_then(|rest| rest.split_once('('))
            {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let text = fs::read_to_string(root().join("docs/promises.md")).unwrap();
    let functions = functions();
    let mut promises = 0;
    for line in text
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
    {
        promises += 1;
        let name = line.rsplit('`').nth(1).unwrap();
        assert!(functions.contains(name), "no test is called {name}: {line}");
    }
    assert!(promises > 30, "the promises were not found");
}
