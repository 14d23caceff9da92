//! Rights: what an account is granted, what it asked for, and which of the one covers the other.

use std::collections::BTreeSet;
use std::fmt;

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, RoleBinding, RoleRef, Subject,
};
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::Value;

/// One verb on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Where, if not everywhere.
    namespace: Option<String>,
    group: String,
    /// With its sub-resource.
    resource: String,
    /// Which one, if not all.
    name: Option<String>,
    verb: String,
}

/// A request from the audit log, and what came of it.
#[derive(Debug)]
pub struct Request {
    asked: Grant,
    refused: bool,
}

impl Grant {
    /// The grants of a rule that is bound there.
    pub fn of_rule(rule: &PolicyRule, namespace: Option<&str>) -> Vec<Self> {
        let names = rule.resource_names.clone().unwrap_or_default();
        let names: Vec<_> = match names.as_slice() {
            [] => vec![None],
            names => names.iter().cloned().map(Some).collect(),
        };
        let mut grants = Vec::new();
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                for (verb, name) in rule
                    .verbs
                    .iter()
                    .flat_map(|verb| names.iter().map(move |name| (verb, name)))
                {
                    grants.push(Self {
                        namespace: namespace.map(str::to_owned),
                        group: group.clone(),
                        resource: resource.clone(),
                        name: name.clone(),
                        verb: verb.clone(),
                    });
                }
            }
        }
        grants
    }

    pub fn covers(&self, request: &Request) -> bool {
        let Request { asked, .. } = request;
        let within = |granted: &Option<String>, asked: &Option<String>| {
            granted.is_none() || granted == asked
        };
        within(&self.namespace, &asked.namespace)
            && within(&self.name, &asked.name)
            && (&self.group, &self.resource, &self.verb)
                == (&asked.group, &asked.resource, &asked.verb)
    }

    /// Whether it is for one object only.
    pub fn is_of_one(&self) -> bool {
        self.name.is_some()
    }

    /// As the table in docs/deploy.md has it.
    pub fn table_row(&self) -> [String; 3] {
        let group = if self.group.is_empty() {
            String::new()
        } else {
            format!(".{}", self.group)
        };
        [
            format!("{}{group}", self.resource),
            self.name.clone().unwrap_or_default(),
            self.verb.clone(),
        ]
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [resource, name, verb] = self.table_row();
        let place = self.namespace.as_deref().unwrap_or("everywhere");
        write!(f, "{verb} {resource} {name} in {place}")
    }
}

impl Request {
    /// Reads a line of the audit log; `None` if somebody else asked, or for no resource.
    pub fn of_event(event: &Value, user: &str) -> Option<Self> {
        if event["user"]["username"] != user {
            return None;
        }
        let object = &event["objectRef"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let resource = text(&object["resource"])?;
        let resource = match object["subresource"].as_str() {
            Some(part) => format!("{resource}/{part}"),
            None => resource,
        };
        let decision = &event["annotations"]["authorization.k8s.io/decision"];
        Some(Self {
            asked: Grant {
                namespace: text(&object["namespace"]),
                group: text(&object["apiGroup"]).unwrap_or_default(),
                resource,
                name: text(&object["name"]),
                verb: text(&event["verb"])?,
            },
            refused: decision == "forbid" || event["responseStatus"]["code"] == 403,
        })
    }

    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// Whether this was asked of the object of this name. The resource is named with its group, as
    /// in the table.
    pub fn is_for(&self, verb: &str, resource: &str, name: &str) -> bool {
        self.asked.table_row() == [resource, name, verb]
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.asked.fmt(f)
    }
}

/// All that is granted to an account by name.
pub async fn granted_to(client: &Client, namespace: &str, account: &str) -> BTreeSet<Grant> {
    let is_subject = |subjects: &Option<Vec<Subject>>| {
        subjects.iter().flatten().any(|it| {
            it.kind == "ServiceAccount"
                && it.name == account
                && it.namespace.as_deref() == Some(namespace)
        })
    };
    let all = ListParams::default();
    let mut grants = BTreeSet::new();
    let everywhere = Api::<ClusterRoleBinding>::all(client.clone());
    for binding in everywhere.list(&all).await.unwrap() {
        if is_subject(&binding.subjects) {
            grants.extend(of_role(client, &binding.role_ref, None).await);
        }
    }
    let somewhere = Api::<RoleBinding>::all(client.clone());
    for binding in somewhere.list(&all).await.unwrap() {
        if is_subject(&binding.subjects) {
            let namespace = binding.metadata.namespace.as_deref();
            grants.extend(of_role(client, &binding.role_ref, namespace).await);
        }
    }
    grants
}

async fn of_role(client: &Client, role: &RoleRef, namespace: Option<&str>) -> Vec<Grant> {
    assert_eq!(role.kind, "ClusterRole", "deploy/ has no other kind");
    let roles = Api::<ClusterRole>::all(client.clone());
    let rules = roles.get(&role.name).await.unwrap().rules;
    rules
        .iter()
        .flatten()
        .flat_map(|rule| Grant::of_rule(rule, namespace))
        .collect()
}
