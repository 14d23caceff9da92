//! An account of what `deploy/` has installed: what it may do, and what it has asked for.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::Path;

use kube::Client;
use serde_json::Value;

use crate::grants::{Grant, Request, granted_to};

/// A service account.
pub struct Account {
    pub client: Client,
    pub namespace: String,
    pub name: &'static str,
}

impl Account {
    /// Whether the account has asked for this so far.
    pub fn has_asked(&self, verb: &str, resource: &str, name: &str) -> bool {
        self.times_asked(verb, resource, name) > 0
    }

    /// How often the account has asked for this so far.
    pub fn times_asked(&self, verb: &str, resource: &str, name: &str) -> usize {
        let requests = self.requests();
        let such = requests.iter().filter(|it| it.is_for(verb, resource, name));
        such.count()
    }

    /// What the account has asked for so far.
    fn requests(&self) -> Vec<Request> {
        let path = std::env::var_os("LANDFALL_AUDIT_LOG").expect("started by with-control-plane");
        let user = format!("system:serviceaccount:{}:{}", self.namespace, self.name);
        let log = std::fs::read_to_string(Path::new(&path)).unwrap();
        // The last line may be on its way.
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter_map(|event| Request::of_event(&event, &user))
            .collect()
    }

    /// Nothing was refused to the account, and it has used all that it is granted.
    pub async fn judge(&self) {
        let grants = granted_to(&self.client, &self.namespace, self.name).await;
        let requests = self.requests();
        let none: Vec<String> = Vec::new();
        let refused = requests.iter().filter(|it| it.is_refused());
        assert_eq!(shown(refused), none, "refused");
        let covered = |request: &&Request| grants.iter().any(|grant| grant.covers(request));
        let borrowed = requests.iter().filter(|it| !covered(it));
        assert_eq!(shown(borrowed), none, "allowed by rights of others only");
        let used: BTreeSet<_> = requests
            .iter()
            .flat_map(|it| narrowest(&grants, it))
            .collect();
        let unused = grants.iter().filter(|grant| !used.contains(grant));
        assert_eq!(shown(unused), none, "unused");
    }
}

/// The grants that a request needs: of those that cover it the ones that name it, if any does.
fn narrowest<'a>(grants: &'a BTreeSet<Grant>, request: &Request) -> Vec<&'a Grant> {
    let covering = grants.iter().filter(|it| it.covers(request));
    let (naming, others): (Vec<_>, Vec<_>) = covering.partition(|it| it.is_of_one());
    if naming.is_empty() { others } else { naming }
}

fn shown<T: Display>(found: impl Iterator<Item = T>) -> Vec<String> {
    found.map(|it| it.to_string()).collect()
}
