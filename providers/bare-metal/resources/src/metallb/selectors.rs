//! MetalLB writes lists of selectors of which one is enough. An object of ours has one selector, so
//! lists are joined as far as they can be.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube_core::{Expression, Selector};

use crate::fault::Fault;
use crate::selector::{Selectors, selector};

/// The label that a namespace has its name in.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// What the selectors of a field match, as few of them as possible. None at all match everything.
pub(super) fn any_of(field: &str, written: &[LabelSelector], faults: &mut Vec<Fault>) -> Selectors {
    Selectors::any_of(join(read(field, written, faults)))
}

/// The namespaces that are named or selected.
pub(super) fn namespaces(
    field: &str,
    names: &[String],
    written: &[LabelSelector],
    faults: &mut Vec<Fault>,
) -> Selectors {
    let mut all = read(&format!("{field}.namespaceSelectors"), written, faults);
    if !names.is_empty() {
        let names = names.iter().cloned().collect();
        all.push(Expression::In(NAMESPACE_NAME.to_owned(), names).into());
    }
    Selectors::any_of(join(all))
}

fn read(field: &str, written: &[LabelSelector], faults: &mut Vec<Fault>) -> Vec<Selector> {
    let each = written.iter().enumerate();
    each.filter_map(|(at, it)| selector(&format!("{field}[{at}]"), it, faults))
        .collect()
}

/// Leaves out what stands there already, and makes one selector of those that each want some values of
/// one label: nodes by their names, mostly.
fn join(selectors: Vec<Selector>) -> Vec<Selector> {
    let mut joined: Vec<Selector> = Vec::new();
    let mut values: Vec<(String, BTreeSet<String>)> = Vec::new();
    for selector in selectors {
        match values_of_one_label(&selector) {
            Some((key, more)) => match values.iter_mut().find(|(it, _)| *it == key) {
                Some((_, values)) => values.extend(more),
                None => values.push((key, more)),
            },
            None if joined.contains(&selector) => {}
            None => joined.push(selector),
        }
    }
    let values = values.into_iter().map(|(key, mut values)| {
        let only = if values.len() == 1 {
            values.pop_first()
        } else {
            None
        };
        match only {
            Some(value) => Expression::Equal(key, value).into(),
            None => Expression::In(key, values).into(),
        }
    });
    values.chain(joined).collect()
}

fn values_of_one_label(selector: &Selector) -> Option<(String, BTreeSet<String>)> {
    let mut expressions = selector.clone().into_iter();
    let found = match expressions.next()? {
        Expression::Equal(key, value) => (key, BTreeSet::from([value])),
        Expression::In(key, values) => (key, values),
        _ => return None,
    };
    expressions.next().is_none().then_some(found)
}

/// The selector to write: the first of several. The others are for whoever calls to tell.
pub(super) fn first(selectors: &Selectors) -> Option<LabelSelector> {
    selectors.alternatives().first().map(|it| it.clone().into())
}
