//! Parameters of a form, read by name. `Name.member.N` (ELBv2) and `Name.N` (EC2) are one here.

use std::collections::{BTreeMap, BTreeSet};

use crate::Map;
use crate::answer::Refusal;

/// The parameters of a request, or of one structure inside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Those of a body `application/x-www-form-urlencoded`.
    pub(crate) fn of_form(body: &str) -> Self {
        let pairs = body.split('&').filter(|it| !it.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name).replace(".member.", "."), decode(value))
        });
        Self(pairs.collect())
    }

    /// These, as they are.
    pub(crate) fn of_pairs(pairs: &[(String, String)]) -> Self {
        Self(pairs.iter().cloned().collect())
    }

    pub(crate) fn as_map(&self) -> &Map {
        &self.0
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A value that ELBv2 cannot do without.
    pub(crate) fn need(&self, name: &str) -> Result<&str, Refusal> {
        let given = self.get(name).filter(|it| !it.is_empty());
        given.ok_or_else(|| Refusal::validation(format!("'{name}' must be specified")))
    }

    /// A value that EC2 cannot do without.
    pub(crate) fn ec2_need(&self, name: &str) -> Result<&str, Refusal> {
        let given = self.get(name).filter(|it| !it.is_empty());
        given.ok_or_else(|| {
            let text = format!("The request must contain the parameter {name}");
            Refusal::new("MissingParameter", text)
        })
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let given = self.get(name).map(|it| (it, it.parse()));
        match given {
            None => Ok(None),
            Some((_, Ok(number))) => Ok(Some(number)),
            Some((text, Err(_))) => Err(Refusal::validation(format!(
                "'{text}' is no value for {name}"
            ))),
        }
    }

    /// Whether anything is said under this name, an empty list included.
    pub(crate) fn has(&self, name: &str) -> bool {
        let inner = format!("{name}.");
        self.0.contains_key(name)
            || self
                .0
                .range(inner.clone()..)
                .next()
                .is_some_and(|(it, _)| it.starts_with(&inner))
    }

    /// The values of a list, in their order.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let items = self.indices(name).into_iter();
        items
            .filter_map(|index| self.0.get(&format!("{name}.{index}")).cloned())
            .collect()
    }

    /// The structures of a list, in their order.
    pub(crate) fn structures(&self, name: &str) -> Vec<Self> {
        let items = self.indices(name).into_iter();
        items
            .map(|index| self.inner(&format!("{name}.{index}")))
            .collect()
    }

    /// The structure under a name; empty if there is none.
    pub(crate) fn inner(&self, name: &str) -> Self {
        let prefix = format!("{name}.");
        let fields = self.0.range(prefix.clone()..);
        let fields = fields.map_while(|(it, value)| Some((it.strip_prefix(&prefix)?, value)));
        Self(
            fields
                .map(|(it, value)| (it.to_owned(), value.clone()))
                .collect(),
        )
    }

    /// The names before the first dot.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        let names = self.0.keys();
        names
            .map(|it| it.split('.').next().unwrap_or_default())
            .collect()
    }

    /// Structures of `Key` and `Value`. The second gives whether a key stands twice.
    pub(crate) fn pairs(&self, name: &str) -> (Map, bool) {
        let all = self.structures(name);
        let map: Map = all
            .iter()
            .map(|it| {
                let key = it.get("Key").unwrap_or_default().to_owned();
                (key, it.get("Value").unwrap_or_default().to_owned())
            })
            .collect();
        let twice = map.len() < all.len();
        (map, twice)
    }

    fn indices(&self, name: &str) -> BTreeSet<usize> {
        let prefix = format!("{name}.");
        let names = self.0.range(prefix.clone()..).map(|(it, _)| it);
        let rests = names.map_while(|it| it.strip_prefix(&prefix));
        rests
            .filter_map(|it| it.split('.').next()?.parse().ok())
            .collect()
    }
}

/// Undoes percent-encoding, and plus signs for spaces.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let pair = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                let digits = std::str::from_utf8(&pair).unwrap_or("3f");
                bytes.push(u8::from_str_radix(digits, 16).unwrap_or(b'?'));
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_the_order_of_their_numbers() {
        let form = "A.member.2=b&A.member.10=c&A.member.1=a%20x&B.1.Key=k&B.1.Value=v+w";
        let read = Parameters::of_form(form);
        assert_eq!(read.list("A"), ["a x", "b", "c"]);
        assert_eq!(read.pairs("B").0["k"], "v w");
        assert!(read.has("B") && !read.has("C"));
    }
}
