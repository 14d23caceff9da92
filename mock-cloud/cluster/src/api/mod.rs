//! The API over HTTP: one axum fallback that takes a path apart and answers it. It translates
//! between requests and `registry`/`store` and decides nothing about objects.

mod accept;
mod body;
mod call;
mod collection;
mod discovery;
mod openapi;
mod protobuf;
mod protobuf_schema;
mod query;
mod read;
mod remove;
mod scale;
mod watch;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::call::{Call, Route};
use crate::answer::ApiError;
use crate::store::Store;

/// Ends the watches of the server that put it into a request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown(pub(crate) CancellationToken);

/// The API of one cluster.
pub(crate) fn router(store: Arc<Store>) -> Router {
    Router::new().fallback(handle).with_state(store)
}

async fn handle(State(store): State<Arc<Store>>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = answer(store, request)
        .await
        .unwrap_or_else(IntoResponse::into_response);
    tracing::debug!(%method, path, status = response.status().as_u16(), "answered");
    response
}

async fn answer(store: Arc<Store>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let shutdown = parts
        .extensions
        .get::<Shutdown>()
        .map_or_else(CancellationToken::new, |shutdown| shutdown.0.clone());
    match call::route(&store, &parts)? {
        Route::Health => Ok("ok".into_response()),
        Route::Static(value) if parts.method == Method::GET => {
            Ok(value_response(StatusCode::OK, &value))
        }
        Route::Static(_) => Err(ApiError::method_not_allowed()),
        Route::Call(call) => {
            let custom = call.resource.custom.clone();
            let response = dispatch(&store, *call, body, shutdown).await?;
            let told = custom
                .as_ref()
                .and_then(|version| version.deprecation.as_ref());
            Ok(with_warnings(
                response,
                told.map_or(&[], std::slice::from_ref),
            ))
        }
    }
}

async fn dispatch(
    store: &Arc<Store>,
    call: Call,
    body: Body,
    shutdown: CancellationToken,
) -> Result<Response, ApiError> {
    if call.subresource == Some(crate::resource::Subresource::Scale) {
        return scale::scale(store, &call, body).await;
    }
    match (call.method.clone(), call.name.is_some()) {
        (Method::GET, true) => read::get(store, &call),
        (Method::GET, false) if call.query.flag("watch") => watch::watch(store, &call, shutdown),
        (Method::GET, false) => collection::list(store, &call),
        (Method::POST, _) => write::create(store, &call, body).await,
        (Method::PUT, true) => write::replace(store, &call, body).await,
        (Method::PATCH, true) => write::patch(store, &call, body).await,
        (Method::DELETE, true) => remove::one(store, &call, body).await,
        (Method::DELETE, false) => remove::collection(store, &call, body).await,
        _ => Err(ApiError::method_not_allowed()),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        value_response(status, &self.to_value())
    }
}

/// A JSON response from a value.
fn value_response(status: StatusCode, value: &Value) -> Response {
    json_response(status, value.to_string())
}

/// A JSON response from text that is JSON already.
fn json_response(status: StatusCode, json: impl Into<Body>) -> Response {
    let mut response = Response::new(json.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Adds Warning headers (RFC 7234 §5.5, code 299) to a response.
fn with_warnings(mut response: Response, warnings: &[String]) -> Response {
    for warning in warnings {
        let text = json!(warning).to_string();
        if let Ok(value) = HeaderValue::from_str(&format!("299 - {text}")) {
            response.headers_mut().append(http::header::WARNING, value);
        }
    }
    response
}
