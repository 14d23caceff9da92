//! The mock cloud, in this process: new for each repetition, so that it is empty.

use landfall_mock_cloud::{MockCloud, Options};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub const TOKEN: &str = "token-of-the-api";
const ADMIN_TOKEN: &str = "token-of-admin";

pub struct Cloud {
    running: MockCloud,
    stop: CancellationToken,
    pub url: String,
}

/// Calls that it got.
pub struct Calls {
    /// Reads of everything.
    pub reads: usize,
    /// Made, changed or removed.
    pub changes: usize,
}

impl Cloud {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pool = vec!["127.200.0.0/16".parse().unwrap()];
        let stop = CancellationToken::new();
        let options = Options::new(pool, TOKEN, ADMIN_TOKEN);
        let running = MockCloud::start(options, listener, stop.clone()).unwrap();
        Self {
            url: running.url(),
            running,
            stop,
        }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.running.stopped().await;
    }

    pub async fn calls(&self) -> Calls {
        Calls {
            reads: self.count("ListLoadBalancers").await,
            changes: self.count("PutLoadBalancer").await + self.count("DeleteLoadBalancer").await,
        }
    }

    async fn count(&self, operation: &str) -> usize {
        let url = format!("{}/admin/calls?operation={operation}", self.url);
        let request = reqwest::Client::new().get(url).bearer_auth(ADMIN_TOKEN);
        let answer = request.send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["dropped"], 0, "calls were forgotten");
        answer["calls"].as_array().unwrap().len()
    }
}
