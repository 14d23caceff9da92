//! Whose speakers are dead, by what the others report. A report cannot tell of its own speaker, for a
//! dead one's says what it said last.

use std::collections::{BTreeMap, BTreeSet};

use super::Node;
use super::report::Report;

/// Whom the speakers speak of.
#[derive(Debug)]
pub(super) struct Council<'a> {
    /// All reports.
    pub(super) reports: &'a BTreeMap<Node, Report>,
    /// Who is lost to whom, by what these reports say.
    pub(super) losers: &'a BTreeMap<Node, BTreeSet<Node>>,
    /// The nodes that there are. Reports of others do not count.
    pub(super) nodes: &'a BTreeSet<Node>,
}

impl Council<'_> {
    /// Those that the living ones have lost: by the word of more than half of those that speak of
    /// them, or of the only ones that do.
    ///
    /// Who is lost to nobody surely lives, and where there are such, theirs is the only word: the
    /// report of one that died does not vouch for another. Where everybody is lost to somebody, the
    /// network between them is cut, and all have a say. If they would declare everybody dead, nobody
    /// is.
    pub(super) fn dead(&self) -> BTreeSet<Node> {
        let there = self.losers.keys().filter(|node| self.is_there(node));
        let accused = there.filter(|node| {
            let mut losers = self.losers[*node].iter();
            losers.any(|voice| self.is_there(voice) && self.word(voice, node) == Some(false))
        });
        let accused: BTreeSet<Node> = accused.cloned().collect();
        if accused.is_empty() {
            return accused;
        }
        let there = self.reports.keys().filter(|node| self.is_there(node));
        let there: Vec<_> = there.collect();
        let speaks = |node: &&&Node| accused.len() == there.len() || !accused.contains(**node);
        let voices: Vec<_> = there.iter().filter(speaks).collect();
        let is_lost = |node: &&Node| {
            let words = voices.iter().filter_map(|voice| self.word(voice, node));
            let (mut lost, mut all) = (0, 0);
            for is_alive in words {
                all += 1;
                lost += usize::from(!is_alive);
            }
            lost * 2 > all
        };
        let dead: BTreeSet<Node> = accused.iter().filter(is_lost).cloned().collect();
        if dead.len() == there.len() {
            return BTreeSet::new();
        }
        dead
    }

    fn is_there(&self, node: &Node) -> bool {
        self.nodes.contains(node) && self.reports.contains_key(node)
    }

    /// Whether one speaker says of another that it is alive. Of one that was started since it is not
    /// asked.
    fn word(&self, voice: &Node, about: &Node) -> Option<bool> {
        if voice == about {
            return None;
        }
        let said = self.reports.get(voice)?;
        if said.alive.contains(about) {
            return Some(true);
        }
        let since = *said.lost.get(about)?;
        let started = self.reports.get(about)?.started;
        let is_past = since
            .zip(started)
            .is_some_and(|(since, started)| since < started);
        (!is_past).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::{SignedDuration, Timestamp};

    use super::*;

    /// Speakers by letters: when each was started, and of whom it says since when that they are alive
    /// (upper case) or dead (lower case).
    fn dead_of(said: &[(&str, i64, &str, i64)]) -> String {
        let at = |second| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        let mut reports = BTreeMap::new();
        let mut losers = BTreeMap::<Node, BTreeSet<Node>>::new();
        for (name, started, peers, since) in said {
            let node = Node::from(*name);
            let mut report = Report {
                started: Some(at(*started)),
                ..Report::default()
            };
            for letter in peers.chars() {
                let peer: Node = letter.to_ascii_uppercase().to_string().as_str().into();
                if letter.is_uppercase() {
                    report.alive.insert(peer);
                } else {
                    report.lost.insert(peer.clone(), Some(at(*since)));
                    losers.entry(peer).or_default().insert(node.clone());
                }
            }
            reports.insert(node, report);
        }
        let council = Council {
            nodes: &reports.keys().cloned().collect(),
            reports: &reports,
            losers: &losers,
        };
        council.dead().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn who_is_dead_the_living_say() {
        for (what, said, expected) in [
            (
                "all are well",
                &[("A", 0, "BC", 1), ("B", 0, "AC", 1), ("C", 0, "AB", 1)][..],
                "",
            ),
            (
                "nobody speaks of anybody",
                &[("A", 0, "", 1), ("B", 0, "", 1)],
                "",
            ),
            (
                "one of two died",
                &[("A", 0, "B", 1), ("B", 0, "a", 9)],
                "A",
            ),
            (
                "one of three died",
                &[("A", 0, "BC", 1), ("B", 0, "aC", 9), ("C", 0, "aB", 9)],
                "A",
            ),
            (
                "one has noticed first",
                &[("A", 0, "BC", 1), ("B", 0, "aC", 9), ("C", 0, "AB", 1)],
                "",
            ),
            (
                "the other does not know it",
                &[("A", 0, "BC", 1), ("B", 0, "aC", 9), ("C", 0, "B", 1)],
                "A",
            ),
            (
                "two of three died, and vouch for each other",
                &[("A", 0, "BC", 1), ("B", 0, "AC", 1), ("C", 0, "ab", 9)],
                "AB",
            ),
            (
                "one is cut off",
                &[("A", 0, "bc", 9), ("B", 0, "aC", 9), ("C", 0, "aB", 9)],
                "A",
            ),
            (
                "two are cut off from three",
                &[
                    ("A", 0, "Bcde", 9),
                    ("B", 0, "Acde", 9),
                    ("C", 0, "abDE", 9),
                    ("D", 0, "abCE", 9),
                    ("E", 0, "abCD", 9),
                ],
                "AB",
            ),
            (
                "two are cut off from each other",
                &[("A", 0, "b", 9), ("B", 0, "a", 9)],
                "",
            ),
            (
                "two are cut off from two",
                &[
                    ("A", 0, "Bcd", 9),
                    ("B", 0, "Acd", 9),
                    ("C", 0, "abD", 9),
                    ("D", 0, "abC", 9),
                ],
                "",
            ),
            (
                "it was started again",
                &[("A", 10, "B", 11), ("B", 0, "a", 9)],
                "",
            ),
            (
                "it was started again and finds the other gone",
                &[("A", 10, "b", 11), ("B", 0, "a", 9)],
                "B",
            ),
            (
                "it speaks of itself",
                &[("A", 0, "aB", 9), ("B", 0, "A", 1)],
                "",
            ),
            (
                "somebody is lost who has no report",
                &[("A", 0, "Bz", 9), ("B", 0, "Az", 9)],
                "",
            ),
        ] {
            assert_eq!(dead_of(said), expected, "{what}");
        }
    }
}
