//! HTTP: reads requests off connections, and writes answers, or cuts the connection.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request as Http, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::request::{Headers, Request, Service};
use crate::server::{Shared, Verdict};

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
struct Cut;

/// Serves until the runtime goes.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, or a client that left at once: others are served on.
                eprintln!("a connection was not accepted: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("a connection is slower than it could be: {error}");
        }
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, shared.clone()));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            // It ends with an error whenever a client leaves or an answer is withheld: both are
            // what tests are for.
            drop(connection.await);
        });
    }
}

async fn answer(http: Http<Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>, Cut> {
    let (head, body) = http.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let text = String::from_utf8_lossy(&body);
    let header = |name: &str| head.headers.get(name).and_then(|it| it.to_str().ok());
    let headers = Headers {
        authorization: header("authorization"),
        target: header("x-amz-target"),
        token: header("x-amz-security-token"),
    };
    let verdict = match Request::read(headers, &text) {
        Ok(request) => carry_out(request, shared.clone()).await?,
        Err(refusal) => {
            let service = if headers.target.is_some() {
                Service::Tagging
            } else {
                Service::Elb
            };
            shared.core().written(service, None, "", &Err(refusal))
        }
    };
    match verdict {
        Verdict::Answer {
            status,
            kind,
            body,
            id,
        } => Response::builder()
            .status(status)
            .header("content-type", kind)
            .header("x-amzn-requestid", id)
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| Cut),
        Verdict::Cut => Err(Cut),
        Verdict::Hold(drops) => {
            held(shared.drops.subscribe(), drops).await;
            Err(Cut)
        }
    }
}

/// A call that has arrived is carried out even if its client leaves meanwhile, as by AWS.
async fn carry_out(request: Request, shared: Arc<Shared>) -> Result<Verdict, Cut> {
    let task = tokio::spawn(async move {
        let wait = shared.wait(&request);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        shared.carry_out(&request)
    });
    task.await.map_err(|_| Cut)
}

async fn held(mut drops: watch::Receiver<u64>, before: u64) {
    // The sender goes only with the server, and the connection with it.
    drop(drops.wait_for(|now| *now > before).await);
}
