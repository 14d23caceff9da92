//! What a process tells of itself: `/healthz`, `/readyz`, `/metrics`, and what a command adds.

use std::fmt;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use landfall_process::Failure;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use landfall_watch::Health;

/// The content type of the OpenMetrics text format.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves until `stop` is cancelled. `metrics` encodes them; `more` has what this process tells besides.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    metrics: impl Fn() -> Result<String, fmt::Error> + Clone + Send + Sync + 'static,
    more: Router,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let readiness = move || std::future::ready(readiness(&health));
    let metrics = move || std::future::ready(encoded(metrics()));
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
        .merge(more);
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .map_err(|error| Failure::run(format!("the admin server failed: {error}")))
}

fn readiness(health: &Health) -> impl IntoResponse + use<> {
    let troubles = health.troubles();
    if troubles.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, troubles.join("\n") + "\n")
    }
}

fn encoded(metrics: Result<String, fmt::Error>) -> impl IntoResponse {
    match metrics {
        Ok(text) => Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text)),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}
