//! Which tags a Service gave by its annotation, so that those that it gives no longer can go, and no others. A
//! tag of ours on each part notes them. It is put there by the call that gives them, and changes only when
//! what is not given any more is gone: whatever call was the last, what is to go is found by the next process.

use ring::digest::{SHA256, digest};

use crate::calls::Tags;

/// Tag: which keys the Service gave. Six characters stand for each, because a value has 256 at most and forty
/// keys may have 128 each. Two keys share theirs once in 2^36, and one must be taken out of the
/// annotation while somebody else has given the other for that to show.
pub(crate) const NOTE: &str = "landfall.dev/given-tags";

/// How many characters stand for a key.
const MARK: usize = 6;

/// What AWS takes in the values of tags, of whatever service.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Whether a Service may give a tag with this key: those of AWS and ours are not its own.
pub(crate) fn may_be(key: &str) -> bool {
    !key.starts_with("aws:") && !key.starts_with("landfall.dev/")
}

/// What notes these keys.
pub(crate) fn note<'a>(keys: impl Iterator<Item = &'a str>) -> String {
    keys.map(mark).collect()
}

/// Keys that are to go of what is there: those that the Service gave and gives no longer. When they are gone,
/// the note, if nothing is given.
pub(crate) fn unwanted(wanted: &Tags, there: &Tags) -> Vec<String> {
    let Some(noted) = there.get(NOTE) else {
        return Vec::new();
    };
    let was_given = |key: &str| {
        let mark = mark(key);
        let mut marks = noted.as_bytes().chunks_exact(MARK);
        may_be(key) && marks.any(|it| it == mark.as_bytes())
    };
    let surplus = there.keys().filter(|it| !wanted.contains_key(*it));
    let given = surplus.filter(|it| was_given(it)).cloned();
    let given: Vec<_> = given.collect();
    if given.is_empty() && !wanted.contains_key(NOTE) {
        return vec![NOTE.to_owned()];
    }
    given
}

/// What stands for a key.
fn mark(key: &str) -> String {
    let digest = digest(&SHA256, key.as_bytes());
    let bytes = digest.as_ref().iter().take(MARK);
    let letters = bytes.map(|it| char::from(ALPHABET[usize::from(it % 64)]));
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::PART;

    fn tags(keys: &[&str], noted: &[&str]) -> Tags {
        let mut tags: Tags = keys
            .iter()
            .map(|it| ((*it).to_owned(), "1".to_owned()))
            .collect();
        if !noted.is_empty() {
            tags.insert(NOTE.to_owned(), note(noted.iter().copied()));
        }
        tags
    }

    #[test]
    fn only_what_was_given_and_is_not_any_more_is_to_go_and_the_note_last() {
        // Given; there; noted; what is to go.
        let rows: &[[&[&str]; 4]] = &[
            [&[], &[], &[], &[]],
            [&[], &["theirs"], &[], &[]],
            [&["a"], &["a", "theirs"], &["a"], &[]],
            [&["a"], &["a", "b", "theirs"], &["a", "b"], &["b"]],
            [&["c"], &["a", "b"], &["a", "b"], &["a", "b"]],
            [&[], &["a", "theirs"], &["a"], &["a"]],
            [&[], &["theirs"], &["a"], &[NOTE]],
            // Another hand was faster: the note is all that is left to be put right.
            [&["a"], &["a"], &["a", "b"], &[]],
            // Whatever the note says.
            [&["a"], &["a", "aws:x", PART], &["a", "aws:x", PART], &[]],
        ];
        for [given, there, noted, to_go] in rows {
            let found = unwanted(&tags(given, given), &tags(there, noted));
            assert_eq!(found, *to_go, "{given:?} of {there:?}, {noted:?}");
        }
    }

    #[test]
    fn a_note_that_somebody_has_spoilt_says_nothing_of_others_tags() {
        for spoilt in ["", "x", "ÄÖÜÄÖÜ", "stage"] {
            let mut there = tags(&["stage"], &[]);
            there.insert(NOTE.to_owned(), spoilt.to_owned());
            assert!(unwanted(&tags(&["a"], &["a"]), &there).is_empty());
        }
    }

    #[test]
    fn forty_keys_of_any_length_are_noted_in_what_a_value_may_have() {
        let keys: Vec<_> = (0..40).map(|it| format!("{it:0>128}")).collect();
        let note = note(keys.iter().map(String::as_str));
        assert!(note.len() <= 256, "{}", note.len());
        let is_taken = |it: u8| it.is_ascii_alphanumeric() || b"_.:/=+-@ ".contains(&it);
        assert!(note.bytes().all(is_taken), "{note}");
        let marks = note.as_bytes().chunks(MARK);
        let marks: std::collections::BTreeSet<_> = marks.collect();
        assert_eq!(marks.len(), keys.len());
    }
}
