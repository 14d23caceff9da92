//! Which numbers of a [`Space`](super::space::Space) are taken, as runs. Finding the first free one,
//! taking one and giving one back cost the logarithm of the number of runs.

use std::collections::BTreeMap;

/// The taken numbers. Its runs are disjoint and never touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Busy {
    /// First to last number of each run.
    runs: BTreeMap<u128, u128>,
    count: u128,
}

impl Busy {
    /// How many are taken.
    pub(crate) fn count(&self) -> u128 {
        self.count
    }

    /// The lowest number that is not taken.
    pub(crate) fn first_free(&self) -> u128 {
        match self.runs.first_key_value() {
            Some((0, last)) => last + 1,
            _ => 0,
        }
    }

    /// Takes a number; taking it again changes nothing.
    pub(crate) fn take(&mut self, number: u128) {
        let before = self.runs.range(..=number).next_back();
        let mut first = number;
        if let Some((&start, &last)) = before {
            if last >= number {
                return;
            }
            if last + 1 == number {
                first = start;
            }
        }
        let last = self.runs.remove(&(number + 1)).unwrap_or(number);
        self.runs.insert(first, last);
        self.count += 1;
    }

    /// Gives a number back; giving it back again changes nothing.
    pub(crate) fn give_back(&mut self, number: u128) {
        let Some((&first, &last)) = self.runs.range(..=number).next_back() else {
            return;
        };
        if last < number {
            return;
        }
        if first == number {
            self.runs.remove(&first);
        } else {
            self.runs.insert(first, number - 1);
        }
        if number < last {
            self.runs.insert(number + 1, last);
        }
        self.count -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set_that_knows_its_first_gap(
            steps in prop::collection::vec((any::<bool>(), 0_u128..40), 0..200)
        ) {
            let (mut busy, mut set) = (Busy::default(), BTreeSet::new());
            for (take, number) in steps {
                if take {
                    busy.take(number);
                    set.insert(number);
                } else {
                    busy.give_back(number);
                    set.remove(&number);
                }
                prop_assert_eq!(busy.count(), set.len() as u128);
                let gap = (0..=40).find(|number| !set.contains(number));
                prop_assert_eq!(Some(busy.first_free()), gap);
                let touch = busy.runs.iter().zip(busy.runs.keys().skip(1));
                prop_assert!(touch.into_iter().all(|((_, last), next)| last + 1 < *next));
            }
        }
    }
}
