//! Managed prefix lists. Only how long they are matters here, never what is on them.

use std::time::Duration;

use serde_json::json;

use super::filters::Filters;
use super::listing::{Listing, chosen, shown_tags};
use crate::Map;
use crate::answer::Answer;
use crate::parameters::Parameters;
use crate::state::State;

/// A prefix list.
#[derive(Debug, Clone, serde::Serialize)]
pub struct PrefixList {
    /// `pl-…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// How many entries it may have; a rule that names it counts as so many.
    pub max_entries: usize,
    /// Whether its entries are of IPv6.
    pub ipv6: bool,
    /// Its tags.
    pub tags: Map,
}

pub(super) fn describe(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let filters = Filters::of(
        parameters,
        &["owner-id", "prefix-list-id", "prefix-list-name"],
    )?;
    let ids = parameters.list("PrefixListId");
    let code = "InvalidPrefixListID.NotFound";
    let account = &state.options.account;
    let found = chosen(&state.ec2.prefix_lists, &ids, code, "prefix list ID")?.into_iter();
    let found = found.filter(|(id, it)| {
        filters.pass(&it.tags, |name| {
            vec![match name {
                "owner-id" => account.clone(),
                "prefix-list-id" => (*id).clone(),
                _ => it.name.clone(),
            }]
        })
    });
    let found = found.map(|(id, it)| (id.clone(), it)).collect();
    let listing = Listing {
        size: (1, 100),
        whole: 100,
        ..Listing::of("prefixListSet")
    };
    listing.answer(parameters, found, |it: &PrefixList| {
        json!({
            "prefixListId": it.id, "prefixListName": it.name, "maxEntries": it.max_entries,
            "addressFamily": if it.ipv6 { "IPv6" } else { "IPv4" },
            "state": "create-complete", "ownerId": account, "version": 1,
            "tagSet": shown_tags(&it.tags),
        })
    })
}
