//! How the parts of an object are merged: a place is where one stands in an object, and knows
//! whether the list there is merged by keys and whether the map there goes as a whole. Fixed kinds
//! have it in a table below, custom ones in their schema.

use serde_json::Value;

use crate::custom::{ListType, Schema};
use crate::resource::{Kind, Resource};

/// Where a value stands in the objects of a resource.
#[derive(Clone, Debug)]
pub(crate) enum Place<'a> {
    /// In a fixed kind, or in the metadata of any: a path, dotted, without indices.
    Fixed {
        /// Of which kind.
        kind: Kind,
        /// Empty for the object itself.
        path: String,
    },
    /// The whole of a custom object.
    Root(Kind, &'a Schema),
    /// Within a custom object; there is no schema within what is preserved unknown.
    Within(Option<&'a Schema>),
}

/// How a list is merged (`x-kubernetes-list-type`, `patchMergeKey` of the API's Go types).
#[derive(Clone, Copy, Debug)]
pub(crate) enum List<'a> {
    /// As a whole.
    Atomic,
    /// As a set of plain values.
    Set,
    /// By keys: `merge` for strategic merge patches, `keys` for server-side apply.
    Map {
        /// `patchMergeKey`.
        merge: &'static str,
        /// `x-kubernetes-list-map-keys`.
        keys: Keys<'a>,
    },
    /// By key in strategic merge patches, atomic for server-side apply.
    MergeOnly(&'static str),
}

/// The fields by which elements of a list are told apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keys<'a> {
    /// Of a fixed kind.
    Fixed(&'static [&'static str]),
    /// Of a custom kind, with the schema of the elements, which may have defaults.
    Custom(&'a [String], Option<&'a Schema>),
}

impl Keys<'_> {
    /// `[port=80,protocol="TCP"]`.
    pub(crate) fn element(self, item: &Value) -> String {
        let pairs: Vec<String> = match self {
            Self::Fixed(keys) => keys
                .iter()
                // The only defaulted keys in the fixed kinds are protocols.
                .map(|key| pair(key, item.get(key), || Value::from("TCP")))
                .collect(),
            Self::Custom(keys, schema) => keys
                .iter()
                .filter(|key| item.get(key).is_some() || default(schema, key).is_some())
                .map(|key| {
                    pair(key, item.get(key), || {
                        default(schema, key).cloned().unwrap_or_default()
                    })
                })
                .collect(),
        };
        format!("[{}]", pairs.join(","))
    }

    /// Whether two elements are the same by key.
    pub(crate) fn same(self, one: &Value, other: &Value) -> bool {
        self.element(one) == self.element(other)
    }

    /// Whether a field is the first of the keys.
    pub(crate) fn starts_with(self, name: &str) -> bool {
        match self {
            Self::Fixed(keys) => keys[0] == name,
            Self::Custom(keys, _) => keys.first().is_some_and(|first| first == name),
        }
    }
}

fn pair(key: &str, value: Option<&Value>, default: impl Fn() -> Value) -> String {
    match value {
        Some(value) => format!("{key}={value}"),
        None => format!("{key}={}", default()),
    }
}

fn default<'a>(items: Option<&'a Schema>, key: &str) -> Option<&'a Value> {
    items?.properties.get(key)?.default.as_ref()
}

impl<'a> Place<'a> {
    /// The whole object.
    pub(crate) fn root(resource: &'a Resource) -> Self {
        match &resource.custom {
            Some(version) => Self::Root(resource.storage, &version.schema),
            None => Self::Fixed {
                kind: resource.storage,
                path: String::new(),
            },
        }
    }

    /// A field of what stands here.
    pub(crate) fn field(&self, name: &str) -> Self {
        match self {
            Self::Fixed { kind, path } => Self::Fixed {
                kind: *kind,
                path: join(path, name),
            },
            Self::Root(kind, _) if name == "metadata" => Self::Fixed {
                kind: *kind,
                path: name.to_owned(),
            },
            Self::Root(_, schema) => Self::Within(schema.field(name)),
            Self::Within(schema) => Self::Within(schema.and_then(|schema| schema.field(name))),
        }
    }

    /// An element of the list that stands here.
    pub(crate) fn item(&self) -> Self {
        match self {
            Self::Within(schema) => Self::Within(schema.and_then(|schema| schema.items.as_deref())),
            fixed => fixed.clone(),
        }
    }

    /// How the list here is merged.
    pub(crate) fn list(&self) -> List<'a> {
        match self {
            Self::Fixed { kind, path } => list(*kind, path),
            Self::Within(Some(schema)) => match &schema.list {
                ListType::Atomic => List::Atomic,
                ListType::Set => List::Set,
                ListType::Map(keys) => List::Map {
                    merge: "",
                    keys: Keys::Custom(keys, schema.items.as_deref()),
                },
            },
            Self::Within(None) | Self::Root(..) => List::Atomic,
        }
    }

    /// Whether the map here is owned as a whole in server-side apply
    /// (`x-kubernetes-map-type: atomic`).
    pub(crate) fn is_atomic_map(&self) -> bool {
        match self {
            Self::Fixed { kind, path } => atomic_map(*kind, path),
            Self::Within(Some(schema)) => schema.atomic_map,
            Self::Within(None) | Self::Root(..) => false,
        }
    }

    /// Whether what stands here stays if nothing is left in it.
    pub(crate) fn stays_empty(&self) -> bool {
        match self {
            Self::Fixed { path, .. } => matches!(
                path.as_str(),
                "" | "metadata" | "spec" | "status" | "status.loadBalancer"
            ),
            Self::Root(..) => true,
            Self::Within(_) => false,
        }
    }
}

/// The path of a field below another path.
fn join(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}

fn list(kind: Kind, path: &str) -> List<'static> {
    match path {
        "metadata.finalizers" => return List::Set,
        "metadata.ownerReferences" => return keyed("uid", &["uid"]),
        "status.conditions" => return keyed("type", &["type"]),
        _ => {}
    }
    match kind {
        Kind::Service if path == "spec.ports" => keyed("port", &["port", "protocol"]),
        Kind::Node if path == "status.addresses" => keyed("type", &["type"]),
        Kind::Node if path == "spec.podCIDRs" => List::Set,
        Kind::Pod if path == "status.podIPs" => keyed("ip", &["ip"]),
        Kind::Pod if path == "status.hostIPs" => List::MergeOnly("ip"),
        Kind::Pod => path
            .strip_prefix("spec.")
            .map_or(List::Atomic, pod_spec_list),
        Kind::Deployment => path
            .strip_prefix("spec.template.spec.")
            .map_or(List::Atomic, pod_spec_list),
        _ => List::Atomic,
    }
}

fn keyed(merge: &'static str, keys: &'static [&'static str]) -> List<'static> {
    List::Map {
        merge,
        keys: Keys::Fixed(keys),
    }
}

fn pod_spec_list(path: &str) -> List<'static> {
    let (parent, field) = path.rsplit_once('.').unwrap_or(("", path));
    let in_container = matches!(
        parent,
        "containers" | "initContainers" | "ephemeralContainers"
    );
    match (parent, field) {
        (
            "",
            "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "volumes"
            | "imagePullSecrets"
            | "resourceClaims",
        ) => keyed("name", &["name"]),
        ("", "hostAliases") => keyed("ip", &["ip"]),
        ("", "topologySpreadConstraints") => {
            keyed("topologyKey", &["topologyKey", "whenUnsatisfiable"])
        }
        (_, "env") if in_container => keyed("name", &["name"]),
        (_, "ports") if in_container => keyed("containerPort", &["containerPort", "protocol"]),
        (_, "volumeMounts") if in_container => keyed("mountPath", &["mountPath"]),
        (_, "volumeDevices") if in_container => keyed("devicePath", &["devicePath"]),
        _ => List::Atomic,
    }
}

fn atomic_map(kind: Kind, path: &str) -> bool {
    match kind {
        Kind::Service => path == "spec.selector",
        Kind::Deployment => matches!(path, "spec.selector" | "spec.template.spec.nodeSelector"),
        Kind::Pod => path == "spec.nodeSelector",
        Kind::Event => matches!(path, "involvedObject" | "regarding" | "related"),
        _ => false,
    }
}
