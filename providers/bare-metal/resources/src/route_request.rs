//! What a Service asks for its routes, by its annotations.

use std::collections::BTreeMap;

use crate::advertisement::out_of;
use crate::community::Community;
use crate::fault::Fault;
use crate::kinds::ServiceAttribute;
use crate::request::{field, items, present};

/// The annotation with the `LOCAL_PREF` of a Service's routes.
pub const BGP_LOCAL_PREF: &str = "landfall.dev/bgp-local-pref";
/// The annotation with their `MULTI_EXIT_DISC`.
pub const BGP_MED: &str = "landfall.dev/bgp-med";
/// The annotation with how many more times our ASN stands in their `AS_PATH`.
pub const BGP_AS_PATH_PREPEND: &str = "landfall.dev/bgp-as-path-prepend";
/// The annotation with their communities, commas between; beside those of the advertisement.
pub const BGP_COMMUNITIES: &str = "landfall.dev/bgp-communities";

/// Communities that a Service may ask for at most.
const MOST_COMMUNITIES: usize = 63;

/// What a Service asks for. An advertisement lets it, or does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteRequest {
    /// `LOCAL_PREF`.
    pub local_pref: Option<u32>,
    /// `MULTI_EXIT_DISC`.
    pub med: Option<u32>,
    /// How many more times our ASN stands in `AS_PATH`.
    pub as_path_prepend: Option<u8>,
    /// Communities: numbers, well-known names, and names that the advertisement gives a meaning.
    pub communities: Vec<String>,
}

impl RouteRequest {
    /// What annotations ask for, and all that is wrong with them: what is wrong is not asked for.
    pub fn parse(annotations: &BTreeMap<String, String>) -> (Self, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut number = |key: &str, most: i64| -> Option<u32> {
            let (key, text) = present(annotations, &[key])?;
            match text.parse::<i64>() {
                Ok(number) if (0..=most).contains(&number) => u32::try_from(number).ok(),
                Ok(number) => {
                    faults.push(out_of(field(key), number, 0, most));
                    None
                }
                Err(_) => {
                    faults.push(Fault::new(field(key), format!("'{text}' is no number")));
                    None
                }
            }
        };
        let all = i64::from(u32::MAX);
        let mut request = Self {
            local_pref: number(BGP_LOCAL_PREF, all),
            med: number(BGP_MED, all),
            as_path_prepend: number(BGP_AS_PATH_PREPEND, 32).and_then(|it| it.try_into().ok()),
            communities: Vec::new(),
        };
        if let Some((key, list)) = present(annotations, &[BGP_COMMUNITIES]) {
            let named: Vec<_> = items(list).map(str::to_owned).collect();
            if named.len() > MOST_COMMUNITIES {
                let message = format!("{} communities are too many", named.len());
                let hint = format!("{MOST_COMMUNITIES} may be there");
                faults.push(Fault::new(field(key), message).hint(hint));
            } else {
                request.communities = named;
            }
        }
        (request, faults)
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What of it an advertisement lets a Service ask for.
    #[must_use]
    pub fn within(&self, allowed: &[ServiceAttribute]) -> Self {
        let lets = |it: ServiceAttribute| allowed.contains(&it);
        Self {
            local_pref: self
                .local_pref
                .filter(|_| lets(ServiceAttribute::LocalPref)),
            med: self.med.filter(|_| lets(ServiceAttribute::Med)),
            as_path_prepend: self
                .as_path_prepend
                .filter(|_| lets(ServiceAttribute::AsPathPrepend)),
            communities: if lets(ServiceAttribute::Communities) {
                self.communities.clone()
            } else {
                Vec::new()
            },
        }
    }

    /// The communities that are meant, with the names that an advertisement gives a meaning; and the texts
    /// that mean nothing.
    pub fn communities(
        &self,
        aliases: &BTreeMap<String, Community>,
    ) -> (Vec<Community>, Vec<&str>) {
        let mut meant = Vec::new();
        let mut unknown = Vec::new();
        for text in &self.communities {
            match Community::parse(text, aliases) {
                Ok(community) => meant.push(community),
                Err(_) => unknown.push(text.as_str()),
            }
        }
        (meant, unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> (RouteRequest, Vec<String>) {
        let annotations = pairs.iter();
        let annotations = annotations.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let (request, faults) = RouteRequest::parse(&annotations.collect());
        (request, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_asked_for_and_what_is_wrong() {
        let (request, faults) = asked(&[
            (BGP_LOCAL_PREF, "200"),
            (BGP_MED, "4294967295"),
            (BGP_AS_PATH_PREPEND, "3"),
            (BGP_COMMUNITIES, "65000:1, no-export,,gold"),
        ]);
        let expected = RouteRequest {
            local_pref: Some(200),
            med: Some(u32::MAX),
            as_path_prepend: Some(3),
            communities: ["65000:1", "no-export", "gold"].map(str::to_owned).into(),
        };
        assert_eq!((request.clone(), faults), (expected, vec![]));
        let gold = BTreeMap::from([("gold".to_owned(), Community::Standard(1, 2))]);
        let (meant, unknown) = request.communities(&gold);
        assert_eq!((meant.len(), unknown.len()), (3, 0));
        let (meant, unknown) = request.communities(&BTreeMap::new());
        assert_eq!((meant.len(), unknown), (2, vec!["gold"]));
        let (request, faults) = asked(&[
            (BGP_LOCAL_PREF, "high"),
            (BGP_MED, "-1"),
            (BGP_AS_PATH_PREPEND, "33"),
            (BGP_COMMUNITIES, " "),
        ]);
        assert!(request.is_empty());
        let all = faults.join("\n");
        for expected in [
            "'high' is no number",
            "-1 is not between 0 and 4294967295",
            "33 is not between 0 and 32",
        ] {
            assert!(all.contains(expected), "{all}");
        }
        assert_eq!(faults.len(), 3);
    }

    #[test]
    fn only_what_an_advertisement_lets_counts() {
        let (request, _) = asked(&[
            (BGP_LOCAL_PREF, "200"),
            (BGP_MED, "5"),
            (BGP_AS_PATH_PREPEND, "3"),
            (BGP_COMMUNITIES, "65000:1"),
        ]);
        assert!(request.within(&[]).is_empty());
        let med = request.within(&[ServiceAttribute::Med]);
        let expected = RouteRequest {
            med: Some(5),
            ..RouteRequest::default()
        };
        assert_eq!(med, expected);
        let all = [
            ServiceAttribute::Communities,
            ServiceAttribute::LocalPref,
            ServiceAttribute::AsPathPrepend,
            ServiceAttribute::Med,
        ];
        assert_eq!(request.within(&all), request);
    }
}
