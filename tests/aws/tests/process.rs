//! `strict-aws` as a process: what it prints, its control door, and how it ends.
#![expect(
    clippy::unwrap_used,
    reason = "tests end where something is not as it should be"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    ready: Value,
}

impl Process {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_strict-aws"))
            .args(["--zones", "2", "--nodes", "4"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        Self {
            stdin: child.stdin.take(),
            ready: serde_json::from_str(&line).unwrap(),
            child,
        }
    }

    /// The status and body of an answer; `None` if the connection was closed without one.
    fn http(
        &self,
        door: &str,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Option<(String, String)> {
        let host = self.ready[door]
            .as_str()
            .unwrap()
            .strip_prefix("http://")
            .unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some((head[9..12].to_owned(), body.to_owned()))
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (status, body) = self.http("control", method, path, "", &text).unwrap();
        assert_eq!(status, "200", "{method} {path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn describe_vpcs(&self) -> Option<(String, String)> {
        let key = self.ready["accessKeyId"].as_str().unwrap();
        let headers = format!(
            "authorization: AWS4-HMAC-SHA256 Credential={key}/20260101/eu-central-1/ec2/aws4_request, \
             SignedHeaders=host, Signature={}\r\n",
            "0".repeat(64)
        );
        self.http(
            "url",
            "POST",
            "/",
            &headers,
            "Action=DescribeVpcs&Version=2016-11-15",
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn the_process_prints_what_it_has_and_ends_with_its_input() {
    let mut process = Process::start();
    let world = &process.ready["world"];
    assert_eq!(world["nodes"].as_array().unwrap().len(), 4);
    assert_eq!(world["publicSubnets"].as_array().unwrap().len(), 2);
    let (status, body) = process.describe_vpcs().unwrap();
    assert_eq!(status, "200");
    assert!(body.contains(world["vpc"].as_str().unwrap()));
    drop(process.stdin.take());
    assert!(process.child.wait().unwrap().success());
}

#[test]
fn the_control_door_orders_faults_and_stops_the_world() {
    let process = Process::start();
    let refuse = json!({
        "action": "DescribeVpcs", "times": "once",
        "effect": {"refuse": {"code": "Throttling", "message": "slow", "status": 503}},
    });
    process.control("POST", "/fault", &refuse);
    assert_eq!(process.describe_vpcs().unwrap().0, "503");
    assert_eq!(process.describe_vpcs().unwrap().0, "200");
    let calls = process.control("GET", "/calls", &Value::Null);
    assert_eq!(calls[0]["outcome"]["refused"], "Throttling");
    let state = process.control("GET", "/state", &Value::Null);
    assert_eq!(state["addresses"].as_array().unwrap().len(), 3);
    process.control("POST", "/latency", &json!({"millis": 1}));
    process.control("POST", "/stop-at", &json!({"n": 1, "when": "before"}));
    std::thread::scope(|scope| {
        let held = scope.spawn(|| process.describe_vpcs());
        let end = Instant::now() + Duration::from_mins(1);
        while process.control("GET", "/counts", &Value::Null)["DescribeVpcs"] != 3 {
            assert!(Instant::now() < end, "the third call is not held");
            std::thread::sleep(Duration::from_millis(1));
        }
        process.control("POST", "/go-on", &Value::Null);
        assert!(held.join().unwrap().is_none());
    });
    assert_eq!(process.describe_vpcs().unwrap().0, "200");
    let (status, _) = process.http("control", "GET", "/nothing", "", "").unwrap();
    assert_eq!(status, "404");
}
