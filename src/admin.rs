//! What the controller tells of itself: `/healthz` and `/readyz`.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use landfall_process::Failure;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Serves until `stop` is cancelled. `ready` becomes true once the caches are complete.
pub async fn serve(
    listener: TcpListener,
    ready: watch::Receiver<bool>,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let readiness = move || {
        let ready = *ready.borrow();
        async move {
            if ready {
                (StatusCode::OK, "ok\n")
            } else {
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the caches are not complete yet\n",
                )
            }
        }
    };
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readiness));
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .map_err(|error| Failure::run(format!("the admin server failed: {error}")))
}
