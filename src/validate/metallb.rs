//! MetalLB's objects, which mean something only together.

use std::collections::HashMap;

use landfall_bare_metal_resources::Fault;
use landfall_bare_metal_resources::metallb::{self, Scope, Source, convert};

use super::Report;
use super::pools::Pools;
use crate::manifests::Object;

/// Judges them as what they mean here. Their pools are compared with all others.
pub(super) fn judge<'a>(
    theirs: &[(&'a Object<'a>, metallb::Object)],
    pools: &mut Pools<'a>,
    report: &mut Report,
) {
    let read: Vec<_> = theirs.iter().map(|(_, it)| it.clone()).collect();
    let converted = convert(&read);
    let mut objects: HashMap<_, &Object<'_>> = HashMap::new();
    for (object, _) in theirs {
        objects.entry(key(object)).or_insert(*object);
    }
    let of = |source: &Source| {
        let key = (source.kind, source.namespace.as_str(), source.name.as_str());
        *objects.get(&key).expect("what is converted was read")
    };
    for pool in converted.pools {
        match pool.meaning {
            Ok(meaning) => pools.add(of(&pool.source), meaning),
            Err(faults) => tell(of(&pool.source), &faults, report),
        }
    }
    for it in &converted.l2_advertisements {
        tell(
            of(&it.source),
            it.meaning.as_ref().err().map_or(&[], Vec::as_slice),
            report,
        );
    }
    for it in &converted.bgp_advertisements {
        tell(
            of(&it.source),
            it.meaning.as_ref().err().map_or(&[], Vec::as_slice),
            report,
        );
    }
    for it in &converted.peers {
        tell(
            of(&it.source),
            it.meaning.as_ref().err().map_or(&[], Vec::as_slice),
            report,
        );
    }
    let notes = converted.notes.iter();
    for note in notes.filter(|it| it.scope == Scope::Meaning) {
        let message = format!("{}; {}", note.message, note.instead);
        report.fault(of(&note.source), &Fault::new(note.field.clone(), message));
    }
}

fn key<'a>(object: &'a Object<'_>) -> (&'a str, &'a str, &'a str) {
    let [kind, namespace, name] = ["/kind", "/metadata/namespace", "/metadata/name"];
    (object.text(kind), object.text(namespace), object.text(name))
}

fn tell(object: &Object<'_>, faults: &[Fault], report: &mut Report) {
    for fault in faults {
        report.fault(object, fault);
    }
}
