//! Tags of what stays. They come when traffic flows: what lacks the right to change them serves all the same.

use super::{Step, fronts, group_of};
use crate::calls::{Arn, MAX_ARNS, Tags};
use crate::given;
use crate::names::Part;
use crate::seen::{Balancer, Seen};
use crate::wanted::{Groups, Wanted};

pub(super) fn step(wanted: &Wanted, seen: &Seen, current: &Balancer) -> Option<Step> {
    let groups = wanted.ports.iter();
    let groups = groups.filter_map(|port| group_of(wanted, seen, Some(current), port));
    let groups: Vec<_> = groups.map(|it| (&it.it.arn, &it.tags)).collect();
    let listeners = current.listeners.iter().map(|it| (&it.it.arn, &it.tags));
    let listeners: Vec<_> = listeners.collect();
    of_front(wanted, seen)
        .or_else(|| of(wanted, Part::Group, &groups))
        .or_else(|| of(wanted, Part::Balancer, &[(&current.it.arn, &current.tags)]))
        .or_else(|| of(wanted, Part::Listener, &listeners))
}

/// How tags are to become others: what is to go goes first, because what tells of it changes with the rest.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Less(Vec<String>),
    More(Tags),
}

fn change(wanted: &Wanted, part: Part, there: &Tags) -> Option<Change> {
    let wanted = wanted.tags_of(part);
    let unwanted = given::unwanted(&wanted, there);
    if !unwanted.is_empty() {
        return Some(Change::Less(unwanted));
    }
    let missing = wanted
        .into_iter()
        .filter(|(key, value)| there.get(key) != Some(value));
    let missing: Tags = missing.collect();
    (!missing.is_empty()).then_some(Change::More(missing))
}

fn of_front(wanted: &Wanted, seen: &Seen) -> Option<Step> {
    let Groups::Managed { .. } = wanted.groups else {
        return None;
    };
    let front = fronts::front(seen)?;
    let (tags, front) = (&front.tags, front.id.clone());
    Some(match change(wanted, Part::Front, tags)? {
        Change::Less(keys) => Step::UntagFront { front, keys },
        Change::More(tags) => Step::TagFront { front, tags },
    })
}

/// The first that differs, and with it all whose tags are to change in the same way.
fn of(wanted: &Wanted, part: Part, parts: &[(&Arn, &Tags)]) -> Option<Step> {
    let changes = parts
        .iter()
        .filter_map(|(arn, there)| Some((*arn, change(wanted, part, there)?)));
    let mut changes = changes.peekable();
    let (_, first) = changes.peek()?;
    let first = match first {
        Change::Less(keys) => Change::Less(keys.clone()),
        Change::More(tags) => Change::More(tags.clone()),
    };
    let alike = changes.filter(|(_, it)| *it == first).take(MAX_ARNS);
    let arns = alike.map(|(arn, _)| arn.clone()).collect();
    Some(match first {
        Change::Less(keys) => Step::Untag { arns, keys },
        Change::More(tags) => Step::Tag { arns, tags },
    })
}
