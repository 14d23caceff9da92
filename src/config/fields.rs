//! The fields of one mapping in a configuration. Collects faults instead of stopping at the first.

use std::time::Duration;

use landfall_provider_api::Family;
use serde_json::{Map, Value};

/// Reads the fields of a mapping one by one, and knows afterwards which nobody asked for.
pub(super) struct Fields<'v, 'f> {
    map: Option<&'v Map<String, Value>>,
    path: &'f str,
    asked: Vec<&'static str>,
    faults: &'f mut Vec<String>,
}

/// What is wrong was noted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Faulty;

impl<'v, 'f> Fields<'v, 'f> {
    pub(super) fn of(value: &'v Value, path: &'f str, faults: &'f mut Vec<String>) -> Self {
        let map = value.as_object();
        let mut fields = Self {
            map,
            path,
            asked: Vec::new(),
            faults,
        };
        if map.is_none() {
            fields.fault("", "must be a mapping");
        }
        fields
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.required(name)?;
        match value.as_str().map(str::trim) {
            Some("") => self.fault(name, "must not be empty"),
            Some(text) => return Some(text.to_owned()),
            None => self.fault(name, "must be a text; put it in quotes"),
        }
        None
    }

    /// A text that may be absent.
    pub(super) fn optional(&mut self, name: &'static str) -> Result<Option<String>, Faulty> {
        match self.map.ok_or(Faulty)?.get(name) {
            None | Some(Value::Null) => {
                self.asked.push(name);
                Ok(None)
            }
            Some(_) => self.text(name).map(Some).ok_or(Faulty),
        }
    }

    /// Finds fault with what is not a URL.
    pub(super) fn check_url(&mut self, name: &str, url: &str) -> bool {
        let known = url.starts_with("http://") || url.starts_with("https://");
        if !known {
            let message = format!("{url:?} is not a URL such as http://127.0.0.1:9090");
            self.fault(name, &message);
        }
        known
    }

    /// True or false; false where it is absent.
    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.asked.push(name);
        let Some(value) = self.map?.get(name) else {
            return Some(false);
        };
        if value.as_bool().is_none() {
            self.fault(name, "must be true or false");
        }
        value.as_bool()
    }

    /// A length of time such as `90s` or `10m`, longer than none.
    pub(super) fn duration(&mut self, name: &'static str, absent: Duration) -> Option<Duration> {
        self.asked.push(name);
        let Some(value) = self.map?.get(name) else {
            return Some(absent);
        };
        let parsed = value
            .as_str()
            .and_then(|text| text.parse::<jiff::SignedDuration>().ok());
        let duration = parsed.and_then(|duration| Duration::try_from(duration).ok());
        let duration = duration.filter(|duration| !duration.is_zero());
        if duration.is_none() {
            self.fault(name, "must be a length of time such as 90s or 10m");
        }
        duration
    }

    /// A port; 0 is none.
    pub(super) fn port(&mut self, name: &'static str, absent: u16) -> Option<u16> {
        self.asked.push(name);
        let Some(value) = self.map?.get(name) else {
            return Some(absent);
        };
        let port = value.as_u64().and_then(|it| u16::try_from(it).ok());
        let port = port.filter(|it| *it > 0);
        if port.is_none() {
            self.fault(name, "must be a number from 1 to 65535");
        }
        port
    }

    /// A list that must be there, and not empty.
    pub(super) fn list(&mut self, name: &'static str) -> &'v [Value] {
        let Some(value) = self.required(name) else {
            return &[];
        };
        match value.as_array().map(Vec::as_slice) {
            Some([]) => self.fault(name, "needs at least one"),
            Some(list) => return list,
            None => self.fault(name, "must be a list"),
        }
        &[]
    }

    /// A value whose fields are to be read, if it is there.
    pub(super) fn mapping(&mut self, name: &'static str) -> Option<&'v Value> {
        self.asked.push(name);
        self.map?.get(name)
    }

    /// Reads the fields of a mapping within this one.
    pub(super) fn within<T>(
        &mut self,
        value: &Value,
        path: &str,
        read: impl FnOnce(&mut Fields<'_, '_>) -> T,
    ) -> T {
        read(&mut Fields::of(value, path, self.faults))
    }

    /// IP families by their names in Kubernetes, each once; IPv4 where they are absent.
    pub(super) fn families(&mut self, name: &'static str) -> Option<Vec<Family>> {
        self.asked.push(name);
        let Some(value) = self.map?.get(name) else {
            return Some(vec![Family::IPv4]);
        };
        let Some(list) = value.as_array().filter(|list| !list.is_empty()) else {
            self.fault(name, "must be a list of IPv4, IPv6 or both");
            return None;
        };
        let mut families = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let family = match value.as_str() {
                Some("IPv4") => Ok(Family::IPv4),
                Some("IPv6") => Ok(Family::IPv6),
                _ => Err(format!("{value} is not a family; there is: IPv4, IPv6")),
            };
            match family {
                Ok(family) if !families.contains(&family) => families.push(family),
                Ok(family) => self.fault(
                    &format!("{name}[{index}]"),
                    &format!("{family} is named twice"),
                ),
                Err(message) => self.fault(&format!("{name}[{index}]"), &message),
            }
        }
        (families.len() == list.len()).then_some(families)
    }

    fn required(&mut self, name: &'static str) -> Option<&'v Value> {
        self.asked.push(name);
        let value = self.map?.get(name).filter(|value| !value.is_null());
        if value.is_none() {
            self.fault(name, "is missing");
        }
        value
    }

    /// Finds fault with every field that was not asked for.
    pub(super) fn no_others(&mut self) {
        let unknown = self.map.into_iter().flat_map(Map::keys);
        for name in unknown.filter(|name| !self.asked.contains(&name.as_str())) {
            let alike = self.asked.iter().find(|asked| is_alike(asked, name));
            let hint = match alike {
                Some(alike) => format!("did you mean {alike}?"),
                None => format!("there is: {}", self.asked.join(", ")),
            };
            let place = place(self.path, name);
            self.faults.push(format!("{place}: is not known; {hint}"));
        }
    }

    /// Finds fault with a field.
    pub(super) fn fault(&mut self, name: &str, message: &str) {
        let place = place(self.path, name);
        let colon = if place.is_empty() { "" } else { ": " };
        self.faults.push(format!("{place}{colon}{message}"));
    }

    /// A cluster's name ends up in tags and in names of things: it is an RFC 1123 label.
    pub(super) fn check_cluster_name(&mut self, name: &str) -> bool {
        let valid = is_label(name);
        if !valid {
            let message = format!(
                "{name:?} must be 1 to 63 lower-case letters, digits and dashes, with a letter or \
                 digit at both ends"
            );
            self.fault("clusterName", &message);
        }
        valid
    }

    /// A class is a label name with an optional prefix (`spec.loadBalancerClass`).
    pub(super) fn check_class(&mut self, class: &str) -> bool {
        let (prefix, name) = class
            .split_once('/')
            .map_or((None, class), |(p, n)| (Some(p), n));
        let valid = prefix.is_none_or(|prefix| prefix.split('.').all(is_label))
            && (1..=63).contains(&name.len())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.ends_with(|c: char| c.is_ascii_alphanumeric());
        if !valid {
            let message =
                format!("{class:?} is not a load balancer class such as example.com/name");
            self.fault("class", &message);
        }
        valid
    }
}

fn place(path: &str, name: &str) -> String {
    match (path, name) {
        ("", name) => name.to_owned(),
        (path, "") => path.to_owned(),
        (path, name) => format!("{path}.{name}"),
    }
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether two names differ only as typing errors do: in case, or by a letter at the end.
fn is_alike(known: &str, name: &str) -> bool {
    let (known, name) = (known.to_lowercase(), name.to_lowercase());
    known == name
        || (known.len().abs_diff(name.len()) <= 1 && name.len() > 3)
            && (known.starts_with(&name) || name.starts_with(&known))
}
