//! Asking for several of which some may be gone: AWS refuses the whole question for one that does
//! not exist, so it is asked again without those. No I/O.

use super::MAX_ARNS;
use crate::calls::naming::names;

/// Questions that are still to be asked, each with what it names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Existing(Vec<Vec<String>>);

impl Existing {
    pub(super) fn new<K: AsRef<str>>(named: &[K]) -> Self {
        let chunks = named.chunks(MAX_ARNS).rev();
        let owned = |it: &K| it.as_ref().to_owned();
        Self(chunks.map(|it| it.iter().map(owned).collect()).collect())
    }

    /// What the next question names.
    pub(super) fn next(&mut self) -> Option<Vec<String>> {
        self.0.pop()
    }

    /// Something of a question does not exist. Those that the refusal names are left out; if it
    /// names none, each half is asked for by itself.
    pub(super) fn refused(&mut self, asked: Vec<String>, message: &str) {
        let (gone, mut others): (Vec<String>, Vec<String>) =
            asked.into_iter().partition(|it| names(message, it));
        if !gone.is_empty() {
            self.0.extend((!others.is_empty()).then_some(others));
            return;
        }
        if others.len() > 1 {
            let half = others.split_off(others.len() / 2);
            self.0.extend([half, others]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for all of `named`, of which only `there` exist. Gives what was found and how many
    /// questions it took.
    fn ask(named: &[String], there: &[&str], telling: bool) -> (Vec<String>, usize) {
        let mut existing = Existing::new(named);
        let (mut found, mut questions) = (Vec::new(), 0);
        while let Some(asked) = existing.next() {
            questions += 1;
            assert!(asked.len() <= MAX_ARNS);
            match asked.iter().find(|it| !there.contains(&it.as_str())) {
                Some(gone) if telling => {
                    existing.refused(asked.clone(), &format!("'[{gone}]' not found"));
                }
                Some(_) => existing.refused(asked, "One or more not found"),
                None => found.extend(asked),
            }
        }
        (found, questions)
    }

    #[test]
    fn those_that_exist_are_found_and_the_others_left_out() {
        let named: Vec<String> = (0..50).map(|it| format!("lb-{it}")).collect();
        let there: Vec<&str> = named
            .iter()
            .map(String::as_str)
            .filter(|it| *it != "lb-7" && *it != "lb-30")
            .collect();
        for (telling, most) in [(true, 5), (false, 21)] {
            let (found, questions) = ask(&named, &there, telling);
            assert_eq!(found, there);
            assert!(questions <= most, "{questions}");
        }
        assert_eq!(ask(&named[..1], &[], false), (vec![], 1));
        assert_eq!(ask(&named[..3], &[], true), (vec![], 3));
        assert_eq!(ask(&[], &[], true), (vec![], 0));
    }
}
