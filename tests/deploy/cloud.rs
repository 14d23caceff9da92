//! A mock cloud as a process of its own.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::process::{Process, program};

const TOKEN: &str = "token-of-the-api";
const ADMIN_TOKEN: &str = "token-of-admin";

pub struct Cloud {
    _process: Process,
    pub port: u16,
}

impl Cloud {
    /// Starts one with addresses from this pool; its tokens stand in the folder.
    pub fn start(folder: &Path, pool: &str) -> Self {
        let token = |name: &str, token: &str| {
            let path = folder.join(name);
            std::fs::write(&path, token).unwrap();
            path
        };
        let mut command = Command::new(program("mock-cloud"));
        command.args(["--listen", "127.0.0.1:0", "--pool", pool, "--token-file"]);
        command
            .arg(token("mock-cloud.token", TOKEN))
            .arg("--admin-token-file")
            .arg(token("admin.token", ADMIN_TOKEN));
        let mut process = Process::start(&mut command);
        process.wait_until_ready();
        let port = process.listens("api").port();
        Self {
            _process: process,
            port,
        }
    }

    /// How many calls of this operation it got.
    pub async fn count(&self, operation: &str) -> usize {
        let path = format!("calls?operation={operation}");
        let answer = self.admin(reqwest::Method::GET, &path, None).await;
        answer["calls"].as_array().unwrap().len()
    }

    /// Orders a fault.
    pub async fn order_fault(&self, rule: Value) {
        self.admin(reqwest::Method::POST, "faults", Some(rule))
            .await;
    }

    async fn admin(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("http://127.0.0.1:{}/admin/{path}", self.port);
        let mut request = reqwest::Client::new()
            .request(method, url)
            .bearer_auth(ADMIN_TOKEN);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}
