//! How endpoints are spread over slices of at most a hundred: a pure function that moves as few
//! endpoints as it can, so that one Pod's change rewrites one slice.

use std::sync::Arc;

use serde_json::Value;

use super::endpoints::Group;
use crate::store::Object;

/// `--max-endpoints-per-slice`.
const MAX_ENDPOINTS: usize = 100;

/// What to do with slices.
#[derive(Default)]
pub(super) struct Plan {
    /// Slices to change, with their new endpoints.
    pub(super) change: Vec<(Arc<Object>, Vec<Value>)>,
    /// Slices to make: address type, ports, endpoints.
    pub(super) create: Vec<(String, Value, Vec<Value>)>,
    /// Slices to remove.
    pub(super) delete: Vec<Arc<Object>>,
}

/// Plans the way from the slices that exist to the wanted groups.
pub(super) fn plan(existing: &[Arc<Object>], groups: Vec<Group>) -> Plan {
    let mut plan = Plan::default();
    let mut spare: Vec<Arc<Object>> = existing.to_vec();
    for group in groups {
        let (mut fitting, rest): (Vec<_>, Vec<_>) = spare.into_iter().partition(|slice| {
            slice.value["addressType"] == group.address_type.as_str()
                && slice.value["ports"] == group.ports
        });
        spare = rest;
        fitting.sort_by_key(|slice| slice.key());
        place(&mut plan, &fitting, group);
    }
    plan.delete.extend(spare);
    plan
}

fn place(plan: &mut Plan, slices: &[Arc<Object>], group: Group) {
    let mut left = group.endpoints;
    let mut filled: Vec<(Arc<Object>, Vec<Value>)> = Vec::new();
    for slice in slices {
        // Each endpoint stays where it is, in its present state.
        let mut kept = Vec::new();
        for before in slice.value["endpoints"].as_array().into_iter().flatten() {
            if let Some(at) = left.iter().position(|endpoint| same(endpoint, before)) {
                kept.push(left.remove(at));
            }
        }
        filled.push((slice.clone(), kept));
    }
    for (_, endpoints) in &mut filled {
        let room = MAX_ENDPOINTS
            .saturating_sub(endpoints.len())
            .min(left.len());
        endpoints.extend(left.drain(..room));
    }
    let mut chunks = left.chunks(MAX_ENDPOINTS).peekable();
    let has_endpoints =
        chunks.peek().is_some() || filled.iter().any(|(_, endpoints)| !endpoints.is_empty());
    let mut kept_one = false;
    for (slice, endpoints) in filled {
        // One slice of an empty group stays: it says that there are no endpoints.
        if endpoints.is_empty() && (kept_one || has_endpoints) {
            plan.delete.push(slice);
            continue;
        }
        kept_one = true;
        if slice.value["endpoints"] != Value::Array(endpoints.clone()) {
            plan.change.push((slice, endpoints));
        }
    }
    let mut made = false;
    for chunk in chunks {
        made = true;
        plan.create.push((
            group.address_type.clone(),
            group.ports.clone(),
            chunk.to_vec(),
        ));
    }
    if !kept_one && !made {
        plan.create
            .push((group.address_type, group.ports, Vec::new()));
    }
}

fn same(one: &Value, other: &Value) -> bool {
    one["addresses"] == other["addresses"] && one["targetRef"]["uid"] == other["targetRef"]["uid"]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::{Group, plan};
    use crate::store::Object;

    fn endpoint(number: usize) -> Value {
        json!({ "addresses": [format!("10.0.{}.{}", number / 250, number % 250)], "targetRef": { "uid": number } })
    }

    fn group(numbers: impl Iterator<Item = usize>) -> Group {
        Group {
            address_type: "IPv4".to_owned(),
            ports: json!([]),
            endpoints: numbers.map(endpoint).collect(),
        }
    }

    fn slice(name: &str, numbers: impl Iterator<Item = usize>) -> Arc<Object> {
        let endpoints: Vec<Value> = numbers.map(endpoint).collect();
        Arc::new(Object::new(
            json!({ "metadata": { "name": name }, "addressType": "IPv4", "ports": [], "endpoints": endpoints }),
            1,
            Arc::default(),
        ))
    }

    #[test]
    fn at_most_a_hundred_each() {
        let made = plan(&[], vec![group(0..250)]);
        let sizes: Vec<usize> = made.create.iter().map(|(_, _, list)| list.len()).collect();
        assert_eq!(sizes, [100, 100, 50]);
    }

    #[test]
    fn one_change_touches_one_slice() {
        let existing = [slice("a", 0..100), slice("b", 100..150)];
        let gone = plan(&existing, vec![group((0..150).filter(|n| *n != 120))]);
        assert_eq!(
            (gone.change.len(), gone.create.len(), gone.delete.len()),
            (1, 0, 0)
        );
        let same = plan(&existing, vec![group(0..150)]);
        assert_eq!(
            (same.change.len(), same.create.len(), same.delete.len()),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_group_keeps_one_slice_when_it_empties() {
        let existing = [slice("a", 0..1), slice("b", 1..2)];
        let empty = plan(&existing, vec![group(0..0)]);
        assert_eq!(
            (empty.change.len(), empty.create.len(), empty.delete.len()),
            (1, 0, 1)
        );
        let first = plan(&[], vec![group(0..0)]);
        assert_eq!(first.create.len(), 1);
    }
}
