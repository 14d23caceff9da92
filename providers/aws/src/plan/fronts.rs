//! The security group that lets clients in.

use std::collections::BTreeSet;

use super::{Step, Unread};
use crate::calls::Rule;
use crate::names::Part;
use crate::seen::{Believed, Front, Seen};
use crate::wanted::{Groups, Wanted};

pub(super) fn step(wanted: &Wanted, seen: &Seen) -> Option<Step> {
    let Groups::Managed { rules, .. } = &wanted.groups else {
        return None;
    };
    let Some(front) = front(seen) else {
        return Some(Step::MakeFront {
            name: wanted.front_name(),
            tags: wanted.tags_of(Part::Front),
        });
    };
    let Believed::Known(there) = &front.rules else {
        return Some(Step::Read(Unread::Rules(front.id.clone())));
    };
    // Two rules that differ in their description alone cannot both be.
    let bare = |it: &Rule| Rule {
        description: String::new(),
        ..it.clone()
    };
    let are: BTreeSet<_> = there.iter().map(bare).collect();
    let to_be: BTreeSet<_> = rules.iter().map(bare).collect();
    let missing = rules.iter().filter(|it| !are.contains(&bare(it)));
    let missing: Vec<_> = missing.cloned().collect();
    let surplus = there.iter().filter(|it| !to_be.contains(&bare(it)));
    let surplus: Vec<_> = surplus.cloned().collect();
    let front = front.id.clone();
    // First let in, then shut out: whoever is in both stays in.
    if !missing.is_empty() {
        Some(Step::Admit {
            front,
            rules: missing,
            surplus,
        })
    } else if !surplus.is_empty() {
        Some(Step::Expel {
            front,
            rules: surplus,
        })
    } else {
        None
    }
}

/// The one of several that stays.
pub(super) fn front(seen: &Seen) -> Option<&Front> {
    seen.fronts.iter().min_by_key(|it| &it.id)
}
