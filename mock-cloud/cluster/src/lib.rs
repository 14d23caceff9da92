//! The mock cluster: a Kubernetes API server in memory, for kubectl and kube-rs alike.
//!
//! It keeps objects, answers as Kubernetes 1.37 answers, and runs the few controllers without
//! which a cluster is none: Deployments, scheduling, EndpointSlices, garbage collection and the
//! deletion of namespaces. Kinds of one's own are defined by `CustomResourceDefinition`s, with
//! schemas, defaults, columns and rules. It never pretends that a Pod runs: whoever plays the node
//! says so through the API.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use k8s_openapi::api::core::v1::Namespace;
//! let cluster = landfall_mock_cluster::Cluster::new();
//! let namespaces: kube::Api<Namespace> = kube::Api::all(cluster.client());
//! assert!(namespaces.get("kube-system").await.unwrap().metadata.uid.is_some());
//! # });
//! ```

mod answer;
mod api;
mod cel;
mod cluster;
mod controllers;
mod credentials;
mod custom;
mod definition;
mod error;
mod kubeconfig;
mod names;
mod patch;
mod registry;
mod resource;
mod schema;
mod selector;
mod serve;
mod service;
mod store;
mod tables;

pub use self::cluster::Cluster;
pub use self::credentials::Credentials;
pub use self::error::Error;
pub use self::kubeconfig::{Kubeconfig, KubeconfigError};
