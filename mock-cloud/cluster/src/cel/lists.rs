//! Functions of lists: Kubernetes' own and the sets of CEL's extensions.

use std::cmp::Ordering;

use super::functions::{add, count, no_overload, spell};
use super::value::{List, Value};

/// Calls a function of a list.
pub(super) fn run(name: &str, list: &List, rest: &[Value]) -> Result<Value, String> {
    let items = &list.items;
    match (name, rest) {
        ("isSorted", []) => {
            let sorted = |pair: &[Value]| pair[0].compare(&pair[1]).is_some_and(Ordering::is_le);
            Ok(Value::Bool(items.windows(2).all(sorted)))
        }
        ("sum", []) => match items.split_first() {
            None => Ok(Value::Int(0)),
            Some((first, others)) => others
                .iter()
                .try_fold(first.clone(), |sum, item| add(&sum, item)),
        },
        ("min", []) => extreme(name, items, Ordering::Less),
        ("max", []) => extreme(name, items, Ordering::Greater),
        ("indexOf", [wanted]) => Ok(place(items.iter().position(|item| item == wanted))),
        ("lastIndexOf", [wanted]) => Ok(place(items.iter().rposition(|item| item == wanted))),
        ("join", []) => join(items, ""),
        ("join", [Value::String(between)]) => join(items, between),
        ("sets.contains", [Value::List(other)]) => Ok(Value::Bool(holds_all(list, other))),
        ("sets.equivalent", [Value::List(other)]) => Ok(Value::Bool(
            holds_all(list, other) && holds_all(other, list),
        )),
        ("sets.intersects", [Value::List(other)]) => Ok(Value::Bool(
            items.iter().any(|item| other.items.contains(item)),
        )),
        _ => Err(no_overload()),
    }
}

/// A place, or -1.
pub(super) fn place(found: Option<usize>) -> Value {
    found.map_or(Value::Int(-1), count)
}

fn holds_all(list: &List, other: &List) -> bool {
    other.items.iter().all(|item| list.items.contains(item))
}

fn extreme(name: &str, items: &[Value], wanted: Ordering) -> Result<Value, String> {
    let mut found: Option<&Value> = None;
    for item in items {
        let better = match found {
            None => true,
            Some(best) => item.compare(best).ok_or_else(no_overload)? == wanted,
        };
        if better {
            found = Some(item);
        }
    }
    found
        .cloned()
        .ok_or_else(|| format!("{name} called on empty list"))
}

fn join(items: &[Value], between: &str) -> Result<Value, String> {
    let all = items.iter().all(|item| matches!(item, Value::String(_)));
    if !all {
        return Err(no_overload());
    }
    let texts: Vec<String> = items.iter().map(spell).collect();
    Ok(Value::text(&texts.join(between)))
}
