//! Stories that were made or found by fuzzing, each a file in `corpus`; and any.
#![expect(unreachable_pub, reason = "tests")]

mod holds;

use std::fs;

use proptest::prelude::*;

#[test]
fn every_story_of_the_corpus_ends_well() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");
    let stories: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect();
    assert!(stories.len() >= 20, "{}", stories.len());
    for story in stories {
        holds::story(&story);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_a_story_that_ends_well(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        holds::datagram(&bytes);
        holds::story(&bytes);
    }
}
