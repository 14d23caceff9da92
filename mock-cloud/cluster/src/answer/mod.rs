//! How this server says no: the `Status` object with the code, reason, message and causes of a
//! real API server, because clients (kubectl, kube-rs) decide by them. It never decides anything.

mod field;

use serde_json::{Value, json};

pub(crate) use self::field::{FieldError, escaped, spell};
use crate::resource::{Resource, qualified};

/// A refusal, in the shape of a `meta/v1 Status`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    /// HTTP status code.
    pub(crate) code: u16,
    /// Machine-readable reason, as in `StatusReason`.
    pub(crate) reason: &'static str,
    /// What a person reads.
    pub(crate) message: String,
    /// `details` of the Status.
    pub(crate) details: Option<Box<Value>>,
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
        }
    }

    fn about(mut self, resource: &Resource, name: &str) -> Self {
        let mut details = json!({ "name": name, "kind": resource.plural });
        if !resource.group.is_empty() {
            details["group"] = json!(resource.group);
        }
        self.details = Some(Box::new(details));
        self
    }

    /// 404 for an object.
    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        let plural = resource.qualified_plural();
        Self::new(404, "NotFound", format!("{plural} \"{name}\" not found")).about(resource, name)
    }

    /// 404 for a path that nothing serves.
    pub(crate) fn no_such_path() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
    }

    /// 405.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    }

    /// 401, without a word about why.
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 409 of a create.
    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Self {
        let plural = resource.qualified_plural();
        Self::new(
            409,
            "AlreadyExists",
            format!("{plural} \"{name}\" already exists"),
        )
        .about(resource, name)
    }

    /// 409 of a write on something that has changed.
    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let plural = resource.qualified_plural();
        Self::new(
            409,
            "Conflict",
            format!("Operation cannot be fulfilled on {plural} \"{name}\": {why}"),
        )
        .about(resource, name)
    }

    /// 409 of a write with an old resourceVersion.
    pub(crate) fn modified(resource: &Resource, name: &str) -> Self {
        Self::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 409 of an apply that would take fields from other managers.
    pub(crate) fn apply_conflict(message: String, causes: &[Value]) -> Self {
        let mut error = Self::new(409, "Conflict", message);
        error.details = Some(Box::new(json!({ "causes": causes })));
        error
    }

    /// 422 with every field at fault.
    pub(crate) fn invalid(resource: &Resource, name: &str, faults: &[FieldError]) -> Self {
        Self::invalid_named(
            resource,
            (&resource.qualified_kind(), &resource.kind),
            name,
            faults,
        )
    }

    /// The same of a write without a version where one is needed: it names the resource in the
    /// place of the kind, as the real server does there.
    pub(crate) fn no_version(resource: &Resource, name: &str) -> Self {
        let field = "metadata.resourceVersion";
        let fault = FieldError::invalid(field, json!(0), "must be specified for an update");
        let names = (&*resource.qualified_plural(), &*resource.plural);
        Self::invalid_named(resource, names, name, &[fault])
    }

    fn invalid_named(
        resource: &Resource,
        (qualified, kind): (&str, &str),
        name: &str,
        faults: &[FieldError],
    ) -> Self {
        let mut error = Self::new(
            422,
            "Invalid",
            format!(
                "{qualified} \"{name}\" is invalid: {}",
                FieldError::join(faults)
            ),
        );
        let causes: Vec<Value> = faults.iter().map(FieldError::cause).collect();
        let mut details = json!({ "name": name, "kind": kind, "causes": causes });
        if !resource.group.is_empty() {
            details["group"] = json!(resource.group);
        }
        error.details = Some(Box::new(details));
        error
    }

    /// 422 of an object that says that it is of another kind.
    pub(crate) fn invalid_kind(resource: &Resource, kind: &str, name: &str) -> Self {
        let why = format!("must be {}", resource.kind);
        let fault = FieldError::invalid("kind", kind, why);
        let mut error = Self::invalid(resource, name, &[fault]);
        let own = format!("{} ", resource.qualified_kind());
        let said = format!("{} ", qualified(kind, &resource.group));
        error.message = error.message.replacen(&own, &said, 1);
        if let Some(details) = &mut error.details {
            details["kind"] = json!(kind);
        }
        error
    }

    /// 422 of a patch whose result cannot be decoded; it names the patch, not the object.
    pub(crate) fn invalid_patch(patch: &Value, why: &str) -> Self {
        let fault = FieldError::invalid("patch", patch.clone(), why);
        let mut error = Self::new(
            422,
            "Invalid",
            format!(" \"\" is invalid: {}", fault.message()),
        );
        error.details = Some(Box::new(json!({ "causes": [fault.cause()] })));
        error
    }

    /// 422 of a JSON patch that cannot be carried out, and of a query that contradicts itself.
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, "Invalid", message)
    }

    /// 400.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 403.
    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let plural = resource.qualified_plural();
        Self::new(
            403,
            "Forbidden",
            format!("{plural} \"{name}\" is forbidden: {why}"),
        )
        .about(resource, name)
    }

    /// Adds a cause to the details.
    pub(crate) fn with_cause(mut self, cause: &Value) -> Self {
        let mut details = self.details.map_or_else(|| json!({}), |details| *details);
        details["causes"] = json!([cause]);
        self.details = Some(Box::new(details));
        self
    }

    /// 406.
    pub(crate) fn not_acceptable() -> Self {
        Self::new(
            406,
            "NotAcceptable",
            "only the following media types are accepted: application/json",
        )
    }

    /// 415.
    pub(crate) fn unsupported_media_type(supported: &[&str]) -> Self {
        Self::new(
            415,
            "UnsupportedMediaType",
            format!(
                "the body of the request was in an unknown format - accepted media types include: {}",
                supported.join(", ")
            ),
        )
    }

    /// 413.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(
            413,
            "RequestEntityTooLarge",
            format!("Request entity too large: limit is {limit}"),
        )
    }

    /// 410: the revision asked for is no longer in the log.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 504 of a list at a revision that does not exist yet.
    pub(crate) fn future_revision(asked: u64, current: u64) -> Self {
        let mut error = Self::new(
            504,
            "Timeout",
            format!("Timeout: Too large resource version: {asked}, current: {current}"),
        );
        error.details = Some(Box::new(json!({
            "causes": [{ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" }],
            "retryAfterSeconds": 1,
        })));
        error
    }

    /// 500.
    pub(crate) fn internal(message: &str) -> Self {
        let mut error = Self::new(
            500,
            "InternalError",
            format!("Internal error occurred: {message}"),
        );
        error.details = Some(Box::new(json!({ "causes": [{ "message": message }] })));
        error
    }

    /// The Status object.
    pub(crate) fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if let Some(details) = &self.details {
            status["details"] = (**details).clone();
        }
        status
    }
}
