//! What this server serves. Kinds that are always there stand in one static table; kinds that a
//! `CustomResourceDefinition` brings are the same data, kept by the store. Discovery, routing,
//! storage and table printing read it. It never holds behaviour; what a kind does on a write is
//! `registry`'s.

use std::sync::{Arc, LazyLock};

use crate::custom::Version;

/// Where objects of a kind are stored. Two served resources may share one (Events and the
/// versions of a custom resource do).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// core/v1 Namespace.
    Namespace,
    /// core/v1 Node.
    Node,
    /// core/v1 Service.
    Service,
    /// core/v1 Pod.
    Pod,
    /// core/v1 Event, stored in its core form and served by two groups.
    Event,
    /// apps/v1 Deployment.
    Deployment,
    /// discovery.k8s.io/v1 EndpointSlice.
    EndpointSlice,
    /// coordination.k8s.io/v1 Lease.
    Lease,
    /// v1 Secret.
    Secret,
    /// apiextensions.k8s.io/v1 `CustomResourceDefinition`.
    CustomResourceDefinition,
    /// What a `CustomResourceDefinition` defines, by the order in which they came.
    Custom(u32),
}

impl Kind {
    /// Every kind that is always there, in the order of `index`.
    pub(crate) const FIXED: [Self; 10] = [
        Self::Namespace,
        Self::Node,
        Self::Service,
        Self::Pod,
        Self::Event,
        Self::Deployment,
        Self::EndpointSlice,
        Self::Lease,
        Self::CustomResourceDefinition,
        Self::Secret,
    ];

    /// Position in the store's tables.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Namespace => 0,
            Self::Node => 1,
            Self::Service => 2,
            Self::Pod => 3,
            Self::Event => 4,
            Self::Deployment => 5,
            Self::EndpointSlice => 6,
            Self::Lease => 7,
            Self::CustomResourceDefinition => 8,
            Self::Secret => 9,
            Self::Custom(number) => Self::FIXED.len() + number as usize,
        }
    }

    /// The resource under which a fixed kind is stored: its own, and for Events the core one.
    pub(crate) fn resource(self) -> Arc<Resource> {
        RESOURCES
            .iter()
            .find(|resource| resource.storage == self)
            .cloned()
            .expect("it is asked for fixed kinds, and each of them is in the table")
    }
}

/// A part of an object with a path of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subresource {
    /// `/status`: everything but the metadata and the status is taken from the stored object.
    Status,
    /// `/scale`: an autoscaling/v1 Scale over `spec.replicas`.
    Scale,
    /// `/binding` of a Pod: names its node.
    Binding,
    /// `/finalize` of a Namespace: changes `spec.finalizers` alone.
    Finalize,
}

impl Subresource {
    /// Its segment in the path.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Scale => "scale",
            Self::Binding => "binding",
            Self::Finalize => "finalize",
        }
    }
}

/// One served resource.
#[derive(Debug)]
pub(crate) struct Resource {
    /// API group, empty for core.
    pub(crate) group: String,
    /// Version within the group.
    pub(crate) version: String,
    /// Kind in CamelCase.
    pub(crate) kind: String,
    /// Kind of its lists.
    pub(crate) list_kind: String,
    /// Plural, as in paths.
    pub(crate) plural: String,
    /// Singular, as kubectl prints it.
    pub(crate) singular: String,
    /// What kubectl also accepts.
    pub(crate) short_names: Vec<String>,
    /// `all`, or none.
    pub(crate) categories: Vec<String>,
    /// Whether its objects live in a namespace.
    pub(crate) namespaced: bool,
    /// Which sub-resources exist.
    pub(crate) subresources: Vec<Subresource>,
    /// Whether PUT of an absent object creates it (the real strategy's `AllowCreateOnUpdate`).
    pub(crate) create_on_update: bool,
    /// Whether PUT may leave the resourceVersion out (`AllowUnconditionalUpdate`).
    pub(crate) unconditional_update: bool,
    /// Where its objects are.
    pub(crate) storage: Kind,
    /// The apiVersion in which its objects are stored.
    pub(crate) stored_version: String,
    /// What its `CustomResourceDefinition` says of it, if it is from one.
    pub(crate) custom: Option<Arc<Version>>,
}

impl Resource {
    /// `v1` or `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        join(&self.group, &self.version)
    }

    /// `services` or `deployments.apps`, as the API server's messages name it.
    pub(crate) fn qualified_plural(&self) -> String {
        qualified(&self.plural, &self.group)
    }

    /// `Service` or `Deployment.apps`, as the API server's messages name it: by the group in which
    /// the server itself thinks of the kind.
    pub(crate) fn qualified_kind(&self) -> String {
        let group = self.stored_version.split_once('/');
        qualified(&self.kind, group.map_or("", |(group, _)| group))
    }

    /// The sub-resource with this path segment, if this resource has it.
    pub(crate) fn subresource(&self, segment: &str) -> Option<Subresource> {
        self.subresources
            .iter()
            .copied()
            .find(|subresource| subresource.name() == segment)
    }

    /// Whether a status is written through a path of its own.
    pub(crate) fn has_status(&self) -> bool {
        self.subresources.contains(&Subresource::Status)
    }
}

/// A name and its group, if it has one.
pub(crate) fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

/// The apiVersion of a version in a group.
pub(crate) fn join(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// How a version stands to others (`CompareKubeAwareVersionStrings`): stable, beta, alpha by their
/// numbers, then the rest.
pub(crate) fn priority(version: &str) -> (u8, u32, u32) {
    let number = |text: &str| text.parse::<u32>().ok();
    let parse = || {
        let rest = version.strip_prefix('v')?;
        let letters = rest.find(|one: char| !one.is_ascii_digit());
        let Some(at) = letters else {
            return Some((3, number(rest)?, 0));
        };
        let (major, stage) = rest.split_at(at);
        let (rank, minor) = match stage.strip_prefix("beta") {
            Some(minor) => (2, minor),
            None => (1, stage.strip_prefix("alpha")?),
        };
        Some((rank, number(major)?, number(minor)?))
    };
    parse().unwrap_or_default()
}

/// Finds a resource of the static table by its path segments.
pub(crate) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Arc<Resource>> {
    RESOURCES.iter().find(|resource| {
        resource.group == group && resource.version == version && resource.plural == plural
    })
}

/// One row of the table.
struct Row {
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    short_names: &'static [&'static str],
    categories: &'static [&'static str],
    namespaced: bool,
    subresources: &'static [Subresource],
    create_on_update: bool,
    unconditional_update: bool,
    storage: Kind,
}

const BASE: Row = Row {
    group: "",
    kind: "",
    plural: "",
    short_names: &[],
    categories: &[],
    namespaced: true,
    subresources: &[],
    create_on_update: false,
    unconditional_update: true,
    storage: Kind::Namespace,
};

impl Row {
    fn resource(&self) -> Arc<Resource> {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        // Events are stored in their core form.
        let stored_group = match self.storage {
            Kind::Event => "",
            _ => self.group,
        };
        Arc::new(Resource {
            group: self.group.to_owned(),
            version: "v1".to_owned(),
            kind: self.kind.to_owned(),
            list_kind: format!("{}List", self.kind),
            plural: self.plural.to_owned(),
            singular: self.kind.to_lowercase(),
            short_names: owned(self.short_names),
            categories: owned(self.categories),
            namespaced: self.namespaced,
            subresources: self.subresources.to_vec(),
            create_on_update: self.create_on_update,
            unconditional_update: self.unconditional_update,
            storage: self.storage,
            stored_version: join(stored_group, "v1"),
            custom: None,
        })
    }
}

/// The table.
pub(crate) static RESOURCES: LazyLock<Vec<Arc<Resource>>> =
    LazyLock::new(|| ROWS.iter().map(Row::resource).collect());

const ROWS: [Row; 11] = [
    Row {
        kind: "Namespace",
        plural: "namespaces",
        short_names: &["ns"],
        namespaced: false,
        subresources: &[Subresource::Status, Subresource::Finalize],
        storage: Kind::Namespace,
        ..BASE
    },
    Row {
        kind: "Node",
        plural: "nodes",
        short_names: &["no"],
        namespaced: false,
        subresources: &[Subresource::Status],
        storage: Kind::Node,
        ..BASE
    },
    Row {
        kind: "Service",
        plural: "services",
        short_names: &["svc"],
        categories: &["all"],
        subresources: &[Subresource::Status],
        create_on_update: true,
        storage: Kind::Service,
        ..BASE
    },
    Row {
        kind: "Pod",
        plural: "pods",
        short_names: &["po"],
        categories: &["all"],
        subresources: &[Subresource::Status, Subresource::Binding],
        storage: Kind::Pod,
        ..BASE
    },
    Row {
        kind: "Secret",
        plural: "secrets",
        storage: Kind::Secret,
        ..BASE
    },
    Row {
        kind: "Event",
        plural: "events",
        short_names: &["ev"],
        create_on_update: true,
        storage: Kind::Event,
        ..BASE
    },
    Row {
        group: "apps",
        kind: "Deployment",
        plural: "deployments",
        short_names: &["deploy"],
        categories: &["all"],
        subresources: &[Subresource::Status, Subresource::Scale],
        storage: Kind::Deployment,
        ..BASE
    },
    Row {
        group: "discovery.k8s.io",
        kind: "EndpointSlice",
        plural: "endpointslices",
        storage: Kind::EndpointSlice,
        ..BASE
    },
    Row {
        group: "events.k8s.io",
        kind: "Event",
        plural: "events",
        short_names: &["ev"],
        create_on_update: true,
        storage: Kind::Event,
        ..BASE
    },
    Row {
        group: "coordination.k8s.io",
        kind: "Lease",
        plural: "leases",
        create_on_update: true,
        unconditional_update: false,
        storage: Kind::Lease,
        ..BASE
    },
    Row {
        group: "apiextensions.k8s.io",
        kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions",
        short_names: &["crd", "crds"],
        categories: &["api-extensions"],
        namespaced: false,
        subresources: &[Subresource::Status],
        unconditional_update: false,
        storage: Kind::CustomResourceDefinition,
        ..BASE
    },
];
