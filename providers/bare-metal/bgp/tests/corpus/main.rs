//! Stories and messages that were made or found by fuzzing, each a file in `corpus`; and any.
#![expect(unreachable_pub, reason = "tests")]

mod holds;

use std::fs;
use std::path::Path;

use proptest::prelude::*;

fn each_of(folder: &str, least: usize, holds: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(root.join("corpus").join(folder)).expect("a folder");
    let all = files.map(|file| fs::read(file?.path()));
    let all: Vec<_> = all.collect::<Result<_, _>>().expect("files");
    assert!(all.len() >= least, "{}", all.len());
    for one in all {
        holds(&one);
    }
}

#[test]
fn every_story_of_a_session_ends_well() {
    each_of("stories", 12, holds::story);
}

#[test]
fn every_message_of_the_corpus_is_heard_well() {
    each_of("messages", 12, holds::message);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes_are_a_story_that_ends_well(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        holds::story(&bytes);
    }

    #[test]
    fn any_bytes_are_a_message_that_is_heard_well(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        holds::message(&bytes);
    }
}
