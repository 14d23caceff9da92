//! The control door: a second port by which another process looks at the stand-in and lets it go
//! wrong. It speaks JSON, and does nothing that [`Aws`] does not do.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::aws::Aws;
use crate::faults::Fault;
use crate::gate::When;

/// The body of `POST /stop-at`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StopAt {
    n: usize,
    when: When,
}

/// The body of `POST /throttle`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Throttle {
    prefix: String,
    per_second: f64,
    burst: u32,
}

/// The body of `POST /latency` and `POST /advance`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Millis {
    millis: u64,
}

/// The body of `POST /deny` and `POST /expire-key`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

/// Serves the control door until it is dropped.
///
/// | call | does |
/// |---|---|
/// | `GET /calls`, `DELETE /calls` | the diary; forgets it |
/// | `GET /counts` | calls of each action |
/// | `GET /state` | everything that exists |
/// | `POST /fault` | `{"action": …, "effect": {"refuse": {"code", "message", "status"}}, "times": "once"}` |
/// | `POST /throttle` | `{"prefix": "Describe", "perSecond": 10, "burst": 20}` |
/// | `POST /mend` | ends all faults and throttling |
/// | `POST /deny`, `POST /expire-key` | `{"name": …}` |
/// | `POST /stop-at` | `{"n": 3, "when": "before"}` |
/// | `POST /drop-held`, `POST /go-on` | as [`Aws::drop_held`] and [`Aws::go_on`] |
/// | `POST /latency`, `POST /advance` | `{"millis": 50}` |
pub async fn serve_control(aws: Aws, listener: TcpListener) -> std::io::Error {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => return error,
        };
        let aws = aws.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, aws.clone()));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                eprintln!("a connection of the control door broke: {error}");
            }
        });
    }
}

async fn answer(request: Request<Incoming>, aws: Aws) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let answer = match body.collect().await {
        Ok(body) => carry_out(&aws, &head.method, head.uri.path(), &body.to_bytes()),
        Err(error) => Err((400, error.to_string())),
    };
    let (status, body) = match answer {
        Ok(body) => (200, body),
        Err((status, text)) => (status, json!({"error": text})),
    };
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = hyper::StatusCode::from_u16(status).expect("it is one of those above");
    Ok(response)
}

type Answer = Result<Value, (u16, String)>;

fn carry_out(aws: &Aws, method: &Method, path: &str, body: &[u8]) -> Answer {
    match (method.as_str(), path) {
        ("GET", "/calls") => return shown(&aws.calls()),
        ("GET", "/counts") => return shown(&aws.counts()),
        ("GET", "/state") => return shown(&aws.everything()),
        ("DELETE", "/calls") => aws.clear_calls(),
        ("POST", "/fault") => aws.fault(read::<Fault>(body)?),
        ("POST", "/throttle") => {
            let it: Throttle = read(body)?;
            aws.throttle(&it.prefix, it.per_second, it.burst);
        }
        ("POST", "/mend") => aws.mend(),
        ("POST", "/deny") => aws.deny(&read::<Named>(body)?.name),
        ("POST", "/expire-key") => aws.expire_key(&read::<Named>(body)?.name),
        ("POST", "/stop-at") => {
            let StopAt { n, when } = read(body)?;
            aws.stop_at(n, when);
        }
        ("POST", "/drop-held") => aws.drop_held(),
        ("POST", "/go-on") => aws.go_on(),
        ("POST", "/latency") => aws.latency(millis(body)?),
        ("POST", "/advance") => aws.advance(millis(body)?),
        _ => return Err((404, format!("there is no {method} {path}"))),
    }
    Ok(json!({}))
}

fn shown(it: &impl serde::Serialize) -> Answer {
    serde_json::to_value(it).map_err(|error| (500, error.to_string()))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, (u16, String)> {
    serde_json::from_slice(body).map_err(|error| (400, error.to_string()))
}

fn millis(body: &[u8]) -> Result<Duration, (u16, String)> {
    Ok(Duration::from_millis(read::<Millis>(body)?.millis))
}
