//! Clients that see what they are used for.

use axum::http::Request;
use kube::Client;
use kube::client::Body;

/// A client that does something before each request is sent.
pub fn before_each<F>(client: Client, act: impl Fn(&Request<Body>) -> F + Send + 'static) -> Client
where
    F: Future<Output = ()> + Send + 'static,
{
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, acted) = (client.clone(), act(&request));
        async move {
            acted.await;
            client.send(request).await
        }
    });
    Client::new(service, namespace)
}
