//! The HTTP API: routes and their description, tokens, and what every answer has in common. It
//! turns bodies into orders for the cloud and the desk, and their answers into bodies; it keeps no
//! state of its own.

mod admin;
mod attend;
mod behind;
mod body;
mod capabilities;
mod changes;
mod load_balancers;
mod precondition;
mod problem;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, OriginalUri};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::routing::get;
use axum::{Router, middleware};
use landfall_mock_cloud_wire::LoadBalancer;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi as Description;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::cloud::Cloud;
use crate::desk::Desk;
use crate::token::Token;
use problem::Refused;

/// Largest body that is read.
const LARGEST_BODY: usize = 1024 * 1024;

/// What the handlers have at hand.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) cloud: Cloud,
    pub(crate) desk: Desk,
    /// `/admin` may exchange it.
    pub(crate) token: watch::Sender<Token>,
    pub(crate) admin_token: Arc<Token>,
    /// Told whenever the faults are cleared.
    pub(crate) cleared: watch::Sender<()>,
    /// What was there when stale reads were last ordered.
    pub(crate) stale: watch::Sender<Arc<[LoadBalancer]>>,
    pub(crate) stop: CancellationToken,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mock cloud",
        description = "Load balancers on one machine, with a real data plane and faults on demand.\n\n\
            Every call but this description needs a bearer token: the admin token under `/admin`, \
            the ordinary one elsewhere. Every answer that is not a success is a problem document \
            (RFC 9457).",
    ),
    modifiers(&Bearer),
    security(("bearer" = [])),
)]
struct Described;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, description: &mut Description) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        description
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", scheme);
    }
}

/// All routes.
pub(crate) fn router(api: Api) -> Router {
    let cloud = OpenApiRouter::new()
        .routes(routes!(capabilities::read))
        .routes(routes!(changes::watch))
        .routes(routes!(load_balancers::list))
        .routes(routes!(
            load_balancers::put,
            load_balancers::read,
            load_balancers::delete
        ))
        .route_layer(middleware::from_fn_with_state(api.clone(), attend::attend));
    let admin = OpenApiRouter::new()
        .routes(routes!(admin::calls, admin::forget_calls))
        .routes(routes!(
            admin::add_fault,
            admin::faults,
            admin::clear_faults
        ))
        .routes(routes!(admin::set_quota))
        .routes(routes!(admin::set_provisioning))
        .routes(routes!(admin::set_token, admin::expire_token))
        .routes(routes!(behind::alter, behind::remove))
        .route_layer(middleware::from_fn_with_state(
            api.clone(),
            attend::require_admin,
        ));
    let (router, description) = OpenApiRouter::with_openapi(Described::openapi())
        .merge(cloud)
        .merge(admin)
        .split_for_parts();
    let description = serde_json::to_string(&description)
        .expect("a description is maps with text keys, which JSON can hold");
    let describe =
        move || async move { ([(header::CONTENT_TYPE, "application/json")], description) };
    router
        .route("/openapi.json", get(describe))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(api)
}

async fn no_such_path(OriginalUri(uri): OriginalUri) -> Refused {
    Refused::new(
        StatusCode::NOT_FOUND,
        "no-such-path",
        "No such path",
        format!("there is nothing at {}; see /openapi.json", uri.path()),
    )
}

async fn no_such_method(method: Method, OriginalUri(uri): OriginalUri) -> Refused {
    Refused::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "no-such-method",
        "No such method",
        format!("{} has no {method}; see /openapi.json", uri.path()),
    )
}

/// Whether a request carries this bearer token (RFC 6750 §2.1).
fn carries(headers: &HeaderMap, token: &Token) -> bool {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .is_some_and(|(scheme, offered)| {
            scheme.eq_ignore_ascii_case("bearer") && token.matches(offered.trim())
        })
}
