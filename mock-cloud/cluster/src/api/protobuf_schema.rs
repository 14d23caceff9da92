//! The field numbers of the protobuf messages that are read, from the API's `generated.proto`
//! files. A field that is missing here is refused, not dropped.

/// What a field is.
pub(super) enum Field {
    /// A string; empty is absent.
    Text,
    /// A number; zero is absent.
    Number,
    /// A number that may be zero (a pointer in Go).
    Pointer,
    /// A boolean; false is absent.
    Flag,
    /// A boolean that may be false (a pointer in Go).
    FlagPointer,
    /// Strings.
    Texts,
    /// A message.
    Object(&'static Message),
    /// Messages.
    Objects(&'static Message),
    /// A map of strings.
    Pairs,
    /// `intstr.IntOrString`.
    IntOrString,
    /// Set by the server only.
    Ignored,
}

/// Number, JSON name and kind of each field.
pub(super) type Message = [(u64, &'static str, Field)];

/// The message of a kind.
pub(super) fn message_of(api_version: &str, kind: &str) -> Option<&'static Message> {
    match (api_version, kind) {
        ("v1", "Namespace") => Some(&NAMESPACE),
        ("v1", "Service") => Some(&SERVICE),
        ("apps/v1", "Deployment") => Some(&DEPLOYMENT),
        _ => None,
    }
}

static NAMESPACE: [(u64, &str, Field); 3] = [
    (1, "metadata", Field::Object(&OBJECT_META)),
    (2, "spec", Field::Object(&[(1, "finalizers", Field::Texts)])),
    (3, "status", Field::Ignored),
];

static SERVICE: [(u64, &str, Field); 3] = [
    (1, "metadata", Field::Object(&OBJECT_META)),
    (2, "spec", Field::Object(&SERVICE_SPEC)),
    (3, "status", Field::Ignored),
];

static DEPLOYMENT: [(u64, &str, Field); 3] = [
    (1, "metadata", Field::Object(&OBJECT_META)),
    (2, "spec", Field::Object(&DEPLOYMENT_SPEC)),
    (3, "status", Field::Ignored),
];

static OBJECT_META: [(u64, &str, Field); 15] = [
    (1, "name", Field::Text),
    (2, "generateName", Field::Text),
    (3, "namespace", Field::Text),
    (4, "selfLink", Field::Ignored),
    (5, "uid", Field::Text),
    (6, "resourceVersion", Field::Text),
    (7, "generation", Field::Ignored),
    (8, "creationTimestamp", Field::Ignored),
    (9, "deletionTimestamp", Field::Ignored),
    (10, "deletionGracePeriodSeconds", Field::Ignored),
    (11, "labels", Field::Pairs),
    (12, "annotations", Field::Pairs),
    (13, "ownerReferences", Field::Objects(&OWNER_REFERENCE)),
    (14, "finalizers", Field::Texts),
    (17, "managedFields", Field::Ignored),
];

static OWNER_REFERENCE: [(u64, &str, Field); 6] = [
    (1, "kind", Field::Text),
    (3, "name", Field::Text),
    (4, "uid", Field::Text),
    (5, "apiVersion", Field::Text),
    (6, "controller", Field::FlagPointer),
    (7, "blockOwnerDeletion", Field::FlagPointer),
];

static SERVICE_SPEC: [(u64, &str, Field); 20] = [
    (1, "ports", Field::Objects(&SERVICE_PORT)),
    (2, "selector", Field::Pairs),
    (3, "clusterIP", Field::Text),
    (4, "type", Field::Text),
    (5, "externalIPs", Field::Texts),
    (7, "sessionAffinity", Field::Text),
    (8, "loadBalancerIP", Field::Text),
    (9, "loadBalancerSourceRanges", Field::Texts),
    (10, "externalName", Field::Text),
    (11, "externalTrafficPolicy", Field::Text),
    (12, "healthCheckNodePort", Field::Number),
    (13, "publishNotReadyAddresses", Field::Flag),
    (
        14,
        "sessionAffinityConfig",
        Field::Object(&SESSION_AFFINITY),
    ),
    (17, "ipFamilyPolicy", Field::Text),
    (18, "clusterIPs", Field::Texts),
    (19, "ipFamilies", Field::Texts),
    (20, "allocateLoadBalancerNodePorts", Field::FlagPointer),
    (21, "loadBalancerClass", Field::Text),
    (22, "internalTrafficPolicy", Field::Text),
    (23, "trafficDistribution", Field::Text),
];

static SESSION_AFFINITY: [(u64, &str, Field); 1] = [(
    1,
    "clientIP",
    Field::Object(&[(1, "timeoutSeconds", Field::Pointer)]),
)];

static SERVICE_PORT: [(u64, &str, Field); 6] = [
    (1, "name", Field::Text),
    (2, "protocol", Field::Text),
    (3, "port", Field::Number),
    (4, "targetPort", Field::IntOrString),
    (5, "nodePort", Field::Number),
    (6, "appProtocol", Field::Text),
];

static DEPLOYMENT_SPEC: [(u64, &str, Field); 8] = [
    (1, "replicas", Field::Pointer),
    (2, "selector", Field::Object(&LABEL_SELECTOR)),
    (3, "template", Field::Object(&POD_TEMPLATE)),
    (4, "strategy", Field::Object(&STRATEGY)),
    (5, "minReadySeconds", Field::Number),
    (6, "revisionHistoryLimit", Field::Pointer),
    (7, "paused", Field::Flag),
    (9, "progressDeadlineSeconds", Field::Pointer),
];

static STRATEGY: [(u64, &str, Field); 2] = [
    (1, "type", Field::Text),
    (
        2,
        "rollingUpdate",
        Field::Object(&[
            (1, "maxUnavailable", Field::IntOrString),
            (2, "maxSurge", Field::IntOrString),
        ]),
    ),
];

static LABEL_SELECTOR: [(u64, &str, Field); 2] = [
    (1, "matchLabels", Field::Pairs),
    (
        2,
        "matchExpressions",
        Field::Objects(&[
            (1, "key", Field::Text),
            (2, "operator", Field::Text),
            (3, "values", Field::Texts),
        ]),
    ),
];

static POD_TEMPLATE: [(u64, &str, Field); 2] = [
    (1, "metadata", Field::Object(&OBJECT_META)),
    (2, "spec", Field::Object(&POD_SPEC)),
];

static POD_SPEC: [(u64, &str, Field); 14] = [
    (2, "containers", Field::Objects(&CONTAINER)),
    (3, "restartPolicy", Field::Text),
    (4, "terminationGracePeriodSeconds", Field::Pointer),
    (5, "activeDeadlineSeconds", Field::Pointer),
    (6, "dnsPolicy", Field::Text),
    (7, "nodeSelector", Field::Pairs),
    (8, "serviceAccountName", Field::Text),
    (9, "serviceAccount", Field::Text),
    (10, "nodeName", Field::Text),
    (11, "hostNetwork", Field::Flag),
    (12, "hostPID", Field::Flag),
    (13, "hostIPC", Field::Flag),
    (19, "schedulerName", Field::Text),
    (20, "initContainers", Field::Objects(&CONTAINER)),
];

static CONTAINER: [(u64, &str, Field); 14] = [
    (1, "name", Field::Text),
    (2, "image", Field::Text),
    (3, "command", Field::Texts),
    (4, "args", Field::Texts),
    (5, "workingDir", Field::Text),
    (6, "ports", Field::Objects(&CONTAINER_PORT)),
    (
        7,
        "env",
        Field::Objects(&[(1, "name", Field::Text), (2, "value", Field::Text)]),
    ),
    // kubectl creates containers without resources; the empty message is dropped.
    (8, "resources", Field::Object(&[])),
    (13, "terminationMessagePath", Field::Text),
    (14, "imagePullPolicy", Field::Text),
    (16, "stdin", Field::Flag),
    (17, "stdinOnce", Field::Flag),
    (18, "tty", Field::Flag),
    (20, "terminationMessagePolicy", Field::Text),
];

static CONTAINER_PORT: [(u64, &str, Field); 5] = [
    (1, "name", Field::Text),
    (2, "hostPort", Field::Number),
    (3, "containerPort", Field::Number),
    (4, "protocol", Field::Text),
    (5, "hostIP", Field::Text),
];
