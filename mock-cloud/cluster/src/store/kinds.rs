//! Which kinds there are besides the fixed ones, by the definitions that brought them. A number is
//! never given twice: what held on to a kind that went finds nothing under it.

use std::sync::Arc;

use crate::resource::{self, Kind, RESOURCES, Resource};

/// The kinds of a cluster.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    custom: Vec<Custom>,
}

/// What a definition brought.
#[derive(Debug)]
struct Custom {
    /// Name of the definition.
    name: String,
    /// One resource for each version with whether it is served, that of storage first; none when
    /// the definition is gone.
    versions: Vec<(Arc<Resource>, bool)>,
}

impl Custom {
    fn served(&self) -> impl Iterator<Item = &Arc<Resource>> {
        let served = self.versions.iter().filter(|(_, served)| *served);
        served.map(|(resource, _)| resource)
    }
}

impl Kinds {
    /// Puts versions under a definition's name; the kind is new unless the name is known.
    pub(super) fn define(
        &mut self,
        name: &str,
        versions: impl FnOnce(Kind) -> Vec<(Arc<Resource>, bool)>,
    ) -> Kind {
        let known = self.place(name);
        let place = known.unwrap_or(self.custom.len());
        let number = u32::try_from(place).expect("four billion definitions do not fit into memory");
        let kind = Kind::Custom(number);
        let custom = Custom {
            name: name.to_owned(),
            versions: versions(kind),
        };
        match known {
            Some(place) => self.custom[place] = custom,
            None => self.custom.push(custom),
        }
        kind
    }

    /// Forgets a definition; its kind, if it had one.
    pub(super) fn undefine(&mut self, name: &str) -> Option<Kind> {
        let place = self.place(name)?;
        self.custom[place].versions.clear();
        u32::try_from(place).ok().map(Kind::Custom)
    }

    fn place(&self, name: &str) -> Option<usize> {
        let live = |custom: &Custom| custom.name == name && !custom.versions.is_empty();
        self.custom.iter().position(live)
    }

    fn live(&self, kind: Kind) -> Option<&Custom> {
        let Kind::Custom(number) = kind else {
            return None;
        };
        let custom = self.custom.get(number as usize)?;
        (!custom.versions.is_empty()).then_some(custom)
    }

    /// The name of the definition that brought a kind.
    pub(super) fn definition(&self, kind: Kind) -> Option<&str> {
        self.live(kind).map(|custom| custom.name.as_str())
    }

    /// The resource in whose version objects of a definition are stored.
    pub(super) fn defined(&self, name: &str) -> Option<Arc<Resource>> {
        let custom = &self.custom[self.place(name)?];
        custom
            .versions
            .first()
            .map(|(resource, _)| resource.clone())
    }

    /// The resource under which a kind is stored.
    pub(super) fn resource(&self, kind: Kind) -> Option<Arc<Resource>> {
        match kind {
            Kind::Custom(_) => {
                let (resource, _) = self.live(kind)?.versions.first()?;
                Some(resource.clone())
            }
            fixed => Some(fixed.resource()),
        }
    }

    /// A resource that is served, by its path segments.
    pub(super) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        let fits = |resource: &&Arc<Resource>| {
            resource.group == group && resource.version == version && resource.plural == plural
        };
        self.custom
            .iter()
            .flat_map(Custom::served)
            .find(fits)
            .cloned()
    }

    /// Every kind that there is.
    pub(super) fn all(&self) -> Vec<Kind> {
        let numbers = 0..u32::try_from(self.custom.len()).unwrap_or(u32::MAX);
        let custom = numbers.map(Kind::Custom);
        let live = custom.filter(|kind| self.live(*kind).is_some());
        Kind::FIXED.into_iter().chain(live).collect()
    }

    /// Every resource that is served, the fixed ones first.
    pub(super) fn served(&self) -> Vec<Arc<Resource>> {
        let custom = self.custom.iter().flat_map(Custom::served);
        RESOURCES.iter().chain(custom).cloned().collect()
    }

    /// The kind that an apiVersion and a kind name, whichever version it is.
    pub(super) fn named(&self, api_version: &str, kind: &str) -> Option<Kind> {
        let (group, _) = api_version.split_once('/').unwrap_or(("", api_version));
        let custom = self.custom.iter().flat_map(Custom::served);
        let all = RESOURCES.iter().chain(custom);
        all.into_iter()
            .find(|resource| resource.group == group && resource.kind == kind)
            .map(|resource| resource.storage)
    }
}

/// Group-versions in the order in which clients prefer them: groups as they came, and within a
/// group `v1` before `v1beta1` before anything else.
pub(crate) fn group_versions(resources: &[Arc<Resource>]) -> Vec<(String, String)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for resource in resources {
        let known = groups
            .iter_mut()
            .find(|(group, _)| *group == resource.group);
        match known {
            Some((_, versions)) if versions.contains(&resource.version) => {}
            Some((_, versions)) => versions.push(resource.version.clone()),
            None => groups.push((resource.group.clone(), vec![resource.version.clone()])),
        }
    }
    for (_, versions) in &mut groups {
        versions.sort_by_key(|version| std::cmp::Reverse(resource::priority(version)));
    }
    let pairs = groups.into_iter().flat_map(|(group, versions)| {
        versions
            .into_iter()
            .map(move |version| (group.clone(), version))
    });
    pairs.collect()
}
