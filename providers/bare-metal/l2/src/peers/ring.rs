//! Who watches whom.

use super::node::NodeId;

/// The watchers of a node: those that follow it in the circle of all speakers, skipping whom
/// `is_away` names. As many as asked for, or all that there are. The circle is in order.
///
/// A speaker that comes or goes changes the watchers of its few predecessors and of nobody else.
pub(super) fn watchers(
    node: NodeId,
    circle: &[NodeId],
    count: usize,
    is_away: impl Fn(NodeId) -> bool,
) -> Vec<NodeId> {
    let after = circle.partition_point(|it| *it <= node);
    let following = circle[after..].iter().chain(&circle[..after]).copied();
    let others = following.filter(|it| *it != node && !is_away(*it));
    others.take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<NodeId> {
        numbers.into_iter().map(NodeId).collect()
    }

    #[test]
    fn the_next_in_the_circle_watch() {
        let all = ids([10, 20, 30, 40]);
        let of = |node, count| watchers(NodeId(node), &all, count, |_| false);
        assert_eq!(of(10, 2), ids([20, 30]));
        assert_eq!(of(30, 2), ids([40, 10]));
        assert_eq!(of(10, 9), ids([20, 30, 40]), "all that there are");
        let away = watchers(NodeId(10), &all, 2, |it| it == NodeId(20));
        assert_eq!(away, ids([30, 40]));
    }

    #[test]
    fn each_watches_as_many_as_watch_it() {
        let mut all = ids((0..50).map(|it| it * 7919 % 1009));
        all.sort_unstable();
        let mut watched = std::collections::BTreeMap::<NodeId, usize>::new();
        for node in &all {
            for watcher in watchers(*node, &all, 3, |_| false) {
                *watched.entry(watcher).or_default() += 1;
            }
        }
        assert!(watched.values().all(|count| *count == 3) && watched.len() == 50);
    }
}
