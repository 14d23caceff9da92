//! TLS and bearer tokens in front of the API. A connection is a task of its own from its first
//! byte, so a client that says nothing keeps nobody waiting.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::Request;
use http::header::AUTHORIZATION;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::answer::ApiError;
use crate::api::Shutdown;
use crate::credentials::Credentials;
use crate::error::Error;

/// How long a client may take over its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long open connections may finish after the shutdown.
const DRAIN: Duration = Duration::from_millis(1500);
/// How long to wait after an accept that failed: the usual reason is too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

struct Server {
    router: Router,
    tls: TlsAcceptor,
    expected: Arc<Credentials>,
    shutdown: CancellationToken,
}

/// Serves until the shutdown.
pub(crate) async fn serve(
    router: Router,
    listener: TcpListener,
    credentials: Credentials,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let server = Arc::new(Server {
        router,
        tls: TlsAcceptor::from(Arc::new(credentials.server_config()?)),
        expected: Arc::new(credentials),
        shutdown: shutdown.clone(),
    });
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let server = server.clone();
                connections.spawn(async move {
                    if let Err(error) = server.connection(stream).await {
                        tracing::debug!(%peer, %error, "connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    // What has not finished by then is dropped with the runtime; its task ends by itself soon.
    let _ = tokio::time::timeout(DRAIN, connections.wait()).await;
    Ok(())
}

impl Server {
    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        stream.set_nodelay(true)?;
        let stream = tokio::select! {
            () = self.shutdown.cancelled() => return Ok(()),
            stream = tokio::time::timeout(HANDSHAKE, self.tls.accept(stream)) => stream??,
        };
        let server = self.clone();
        let service = service_fn(move |request| server.clone().answer(request));
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new());
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        tokio::select! {
            ended = &mut connection => ended,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                match tokio::time::timeout(DRAIN, connection).await {
                    Ok(ended) => ended,
                    Err(_) => Ok(()),
                }
            }
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response, Infallible> {
        let authorization = request.headers().get(AUTHORIZATION);
        if !self
            .expected
            .admits(authorization.map(http::HeaderValue::as_bytes))
        {
            return Ok(ApiError::unauthorized().into_response());
        }
        let mut request = request.map(Body::new);
        request
            .extensions_mut()
            .insert(Shutdown(self.shutdown.clone()));
        self.router.clone().oneshot(request).await
    }
}
