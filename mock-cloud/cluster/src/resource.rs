//! The kinds that this server serves: one static table, read by discovery, routing, storage and
//! table printing. It never holds behaviour; what a kind does on a write is `registry`'s.

/// Where objects of a kind are stored. Two served resources may share one (Events do).
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
}

impl Kind {
    /// Every kind, in the order of `index`.
    pub(crate) const ALL: [Self; 8] = [
        Self::Namespace,
        Self::Node,
        Self::Service,
        Self::Pod,
        Self::Event,
        Self::Deployment,
        Self::EndpointSlice,
        Self::Lease,
    ];

    /// Position in `ALL` and in the store's tables.
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The resource under which this kind is stored: its own, and for Events the core one.
    pub(crate) fn resource(self) -> &'static Resource {
        RESOURCES
            .iter()
            .find(|resource| resource.storage == self)
            .expect("every kind is in the table")
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
    pub(crate) group: &'static str,
    /// Version within the group.
    pub(crate) version: &'static str,
    /// Kind in CamelCase.
    pub(crate) kind: &'static str,
    /// Plural, as in paths.
    pub(crate) plural: &'static str,
    /// Singular, as kubectl prints it.
    pub(crate) singular: &'static str,
    /// What kubectl also accepts.
    pub(crate) short_names: &'static [&'static str],
    /// `all`, or none.
    pub(crate) categories: &'static [&'static str],
    /// Whether its objects live in a namespace.
    pub(crate) namespaced: bool,
    /// Which sub-resources exist.
    pub(crate) subresources: &'static [Subresource],
    /// Whether PUT of an absent object creates it (the real strategy's `AllowCreateOnUpdate`).
    pub(crate) create_on_update: bool,
    /// Whether PUT may leave the resourceVersion out (`AllowUnconditionalUpdate`).
    pub(crate) unconditional_update: bool,
    /// Where its objects are.
    pub(crate) storage: Kind,
}

impl Resource {
    /// `v1` or `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `services` or `deployments.apps`, as the API server's messages name it.
    pub(crate) fn qualified_plural(&self) -> String {
        qualified(self.plural, self.group)
    }

    /// `Service` or `Deployment.apps`, as the API server's messages name it: by the group in which
    /// the server itself thinks of the kind.
    pub(crate) fn qualified_kind(&self) -> String {
        qualified(self.kind, self.storage.resource().group)
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

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

/// Finds a served resource by its path segments.
pub(crate) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| {
        resource.group == group && resource.version == version && resource.plural == plural
    })
}

/// The served group-versions, core first, in table order.
pub(crate) fn group_versions() -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    for resource in &RESOURCES {
        let pair = (resource.group, resource.version);
        if !found.contains(&pair) {
            found.push(pair);
        }
    }
    found
}

const BASE: Resource = Resource {
    group: "",
    version: "v1",
    kind: "",
    plural: "",
    singular: "",
    short_names: &[],
    categories: &[],
    namespaced: true,
    subresources: &[],
    create_on_update: false,
    unconditional_update: true,
    storage: Kind::Namespace,
};

/// The table.
pub(crate) static RESOURCES: [Resource; 9] = [
    Resource {
        kind: "Namespace",
        plural: "namespaces",
        singular: "namespace",
        short_names: &["ns"],
        namespaced: false,
        subresources: &[Subresource::Status, Subresource::Finalize],
        storage: Kind::Namespace,
        ..BASE
    },
    Resource {
        kind: "Node",
        plural: "nodes",
        singular: "node",
        short_names: &["no"],
        namespaced: false,
        subresources: &[Subresource::Status],
        storage: Kind::Node,
        ..BASE
    },
    Resource {
        kind: "Service",
        plural: "services",
        singular: "service",
        short_names: &["svc"],
        categories: &["all"],
        subresources: &[Subresource::Status],
        create_on_update: true,
        storage: Kind::Service,
        ..BASE
    },
    Resource {
        kind: "Pod",
        plural: "pods",
        singular: "pod",
        short_names: &["po"],
        categories: &["all"],
        subresources: &[Subresource::Status, Subresource::Binding],
        storage: Kind::Pod,
        ..BASE
    },
    Resource {
        kind: "Event",
        plural: "events",
        singular: "event",
        short_names: &["ev"],
        create_on_update: true,
        storage: Kind::Event,
        ..BASE
    },
    Resource {
        group: "apps",
        kind: "Deployment",
        plural: "deployments",
        singular: "deployment",
        short_names: &["deploy"],
        categories: &["all"],
        subresources: &[Subresource::Status, Subresource::Scale],
        storage: Kind::Deployment,
        ..BASE
    },
    Resource {
        group: "discovery.k8s.io",
        kind: "EndpointSlice",
        plural: "endpointslices",
        singular: "endpointslice",
        storage: Kind::EndpointSlice,
        ..BASE
    },
    Resource {
        group: "events.k8s.io",
        kind: "Event",
        plural: "events",
        singular: "event",
        short_names: &["ev"],
        create_on_update: true,
        storage: Kind::Event,
        ..BASE
    },
    Resource {
        group: "coordination.k8s.io",
        kind: "Lease",
        plural: "leases",
        singular: "lease",
        create_on_update: true,
        unconditional_update: false,
        storage: Kind::Lease,
        ..BASE
    },
];
