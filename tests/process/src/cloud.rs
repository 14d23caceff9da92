//! A stand-alone mock cloud, and what its `/admin` is asked for.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use reqwest::Method;
use serde_json::Value;

use crate::{Process, program};

/// A mock cloud as a process of its own.
#[derive(Debug)]
pub struct MockCloud {
    /// The program `mock-cloud`.
    pub process: Process,
    /// Where its API listens.
    pub address: SocketAddr,
    /// Its `/admin`.
    pub admin: Admin,
}

impl MockCloud {
    /// The bearer token of its API, which stands in `TOKEN_FILE`.
    pub const TOKEN: &str = "token-of-the-api";
    /// Where the token stands, in the folder that it was started with.
    pub const TOKEN_FILE: &str = "mock-cloud.token";
    const ADMIN_TOKEN: &str = "token-of-admin";

    /// Starts one with addresses from this net. Its tokens are written into the folder.
    pub fn start(folder: &Path, pool: &str) -> Self {
        Self::start_at("127.0.0.1:0", folder, pool)
    }

    /// Starts one whose API is here.
    pub fn start_at(listen: &str, folder: &Path, pool: &str) -> Self {
        let token = |name: &str, token: &str| {
            let path = folder.join(name);
            std::fs::write(&path, format!("{token}\n")).unwrap();
            path
        };
        let mut command = Command::new(program("mock-cloud"));
        command.args(["--listen", listen, "--pool", pool, "--token-file"]);
        command
            .arg(token(Self::TOKEN_FILE, Self::TOKEN))
            .arg("--admin-token-file")
            .arg(token("mock-cloud-admin.token", Self::ADMIN_TOKEN));
        let mut process = Process::start(&mut command);
        process.wait_until_ready();
        let address = process.listens("api");
        Self {
            process,
            address,
            admin: Admin::new(format!("http://{address}"), Self::ADMIN_TOKEN.to_owned()),
        }
    }
}

/// What stands under `/admin` of a mock cloud.
#[derive(Debug, Clone)]
pub struct Admin {
    /// The mock cloud's URL.
    pub url: String,
    token: String,
}

impl Admin {
    /// Of the mock cloud with this URL and token.
    pub fn new(url: String, token: String) -> Self {
        Self { url, token }
    }

    /// The calls of this operation that it got.
    pub async fn calls(&self, operation: &str) -> Vec<Value> {
        let path = format!("calls?operation={operation}");
        let mut answer = self.ask(Method::GET, &path, None).await;
        let Value::Array(calls) = answer["calls"].take() else {
            panic!("no list of calls: {answer}")
        };
        calls
    }

    /// Orders a fault.
    pub async fn order_fault(&self, rule: Value) {
        self.ask(Method::POST, "faults", Some(rule)).await;
    }

    /// Asks for this; it must succeed. Null if the answer is no JSON.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/admin/{path}", self.url);
        let request = reqwest::Client::new()
            .request(method, url)
            .bearer_auth(&self.token);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}
