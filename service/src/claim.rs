//! Which provider a Service belongs to.

use std::fmt;

use k8s_openapi::api::core::v1::Service;
use landfall_provider_api::Capabilities;

use crate::marks::{Mark, is_load_balancer, is_marked_for, mark_of};

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

/// What one provider claims, and what it can do for it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Services of this class.
    pub class: Class,
    /// Also Services without a class.
    pub default: bool,
    /// But, of those, only such as bear its marks already: somebody else takes the others.
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

    /// Who claims this Service: nobody unless it is of type LoadBalancer. Services without a
    /// class go to the default provider.
    pub fn claimant(&self, service: &Service) -> Option<&Claim> {
        if !is_load_balancer(service) {
            return None;
        }
        let class = service.spec.as_ref()?.load_balancer_class.as_deref();
        self.0.iter().find(|claim| match class {
            Some(class) => claim.class.as_str() == class,
            None if claim.aside => claim.default && is_marked_for(service, claim.class.as_str()),
            None => claim.default,
        })
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
