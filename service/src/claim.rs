//! Which provider a Service belongs to.

use std::fmt;

use k8s_openapi::api::core::v1::Service;
use landfall_provider_api::Capabilities;

use crate::marks::{Mark, has_finalizer_named, is_load_balancer, is_marked_for, mark_of};

/// A load balancer class (`spec.loadBalancerClass`, KEP-1959). Each provider owns one, so within
/// a process it names the provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Class(String);

impl Class {
    /// A class by name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Another implementation, whose Services a provider takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predecessor {
    /// Its class: Services of it are the provider's, too.
    pub class: Class,
    /// Its finalizer, which goes when the provider has what the Service was given. Nobody else's is
    /// ever touched.
    pub finalizer: &'static str,
}

/// What one provider claims, and what it can do for it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Services of this class.
    pub class: Class,
    /// Also Services without a class.
    pub default: bool,
    /// Also Services of somebody else's class.
    pub predecessor: Option<Predecessor>,
    /// But, of what is not of its own class, only such as bears its marks already: somebody else takes
    /// the others.
    pub aside: bool,
    /// What the provider can do.
    pub capabilities: Capabilities,
}

/// What all providers of a process claim.
#[derive(Debug, Clone, Default)]
pub struct Claims(Vec<Claim>);

impl Claims {
    /// Of these providers. Classes differ and at most one is the default; configuration sees to
    /// that.
    pub fn new(claims: Vec<Claim>) -> Self {
        Self(claims)
    }

    /// The same, while all of them stand aside.
    #[cfg(test)]
    pub(crate) fn standing_aside(mut self) -> Self {
        self.0.iter_mut().for_each(|claim| claim.aside = true);
        self
    }

    /// The same, where all of them take over what was of this class.
    #[cfg(test)]
    pub(crate) fn succeeding(mut self, class: &str) -> Self {
        for claim in &mut self.0 {
            claim.predecessor = Some(Predecessor {
                class: Class::new(class),
                finalizer: "example.com/old",
            });
        }
        self
    }

    /// Who claims this Service: nobody unless it is of type LoadBalancer. Services without a
    /// class go to the default provider.
    pub fn claimant(&self, service: &Service) -> Option<&Claim> {
        if !is_load_balancer(service) {
            return None;
        }
        let class = service.spec.as_ref()?.load_balancer_class.as_deref();
        self.0.iter().find(|claim| {
            if class == Some(claim.class.as_str()) {
                return true;
            }
            let predecessor = claim.predecessor.as_ref();
            let is_claimed = match class {
                Some(class) => predecessor.is_some_and(|it| it.class.as_str() == class),
                None => claim.default,
            };
            is_claimed && (!claim.aside || is_marked_for(service, claim.class.as_str()))
        })
    }

    /// The finalizer that the predecessor of this class's provider has left on a Service. While that may run, it has
    /// left none.
    pub(crate) fn left_on(&self, service: &Service, class: &Class) -> Option<&'static str> {
        let claim = self.0.iter().find(|it| it.class == *class && !it.aside)?;
        let left = claim.predecessor.as_ref()?.finalizer;
        has_finalizer_named(service, left).then_some(left)
    }

    /// Whether one of our providers claims it, or it bears our marks. What a provider still holds
    /// for it, only the provider can tell.
    pub fn concern(&self, service: &Service) -> bool {
        self.marked(service).is_some() || self.claimant(service).is_some()
    }

    /// Whether its marks may stand for this class.
    pub fn is_marked(&self, service: &Service, class: &Class) -> bool {
        self.marked(service)
            .is_some_and(|classes| classes.contains(&class))
    }

    /// The classes that its marks may stand for, if they are ours. Marks that name no class are
    /// anybody's: else nobody would ever remove them.
    pub(crate) fn marked(&self, service: &Service) -> Option<Vec<&Class>> {
        match mark_of(service) {
            Mark::None => None,
            Mark::Class(name) => {
                let class = self.classes().find(|class| class.as_str() == name)?;
                Some(vec![class])
            }
            Mark::Unnamed => Some(self.classes().collect()),
        }
    }

    /// The classes of all providers.
    pub fn classes(&self) -> impl Iterator<Item = &Class> {
        self.0.iter().map(|claim| &claim.class)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{claims, service};

    #[test]
    fn one_who_stands_aside_takes_no_service_without_a_class_that_is_not_its_own() {
        let claims = claims(&[("example.com/a", true)]).standing_aside();
        let claimed = |service| claims.claimant(&service).is_some();
        assert!(!claimed(service().into()));
        assert!(claimed(service().marked("example.com/a").into()));
        assert!(!claimed(service().marked("example.com/b").into()));
        assert!(claimed(service().class("example.com/a").into()));
    }

    #[test]
    fn a_predecessors_services_are_claimed_while_it_does_not_run_and_kept_when_it_comes_back() {
        let claims = claims(&[("example.com/a", false)]).succeeding("example.com/old");
        let old = || service().class("example.com/old");
        let claimed = |claims: &super::Claims, service| claims.claimant(&service).is_some();
        assert!(claimed(&claims, old().into()));
        assert!(!claimed(&claims, service().class("example.com/x").into()));
        let aside = claims.standing_aside();
        assert!(!claimed(&aside, old().into()));
        assert!(claimed(&aside, old().marked("example.com/a").into()));
    }

    #[test]
    fn a_service_goes_to_its_class_or_to_the_default() {
        let claims = claims(&[("example.com/a", false), ("example.com/b", true)]);
        let of = |service| claims.claimant(&service).map(|c| c.class.as_str());
        assert_eq!(of(service().into()), Some("example.com/b"));
        assert_eq!(
            of(service().class("example.com/a").into()),
            Some("example.com/a")
        );
        assert_eq!(of(service().class("example.com/x").into()), None);
        assert_eq!(of(service().of_type("ClusterIP").into()), None);
    }
}
