//! The stream of changes, entity tags, and load balancers that are not there at once.

use std::time::Duration;

use reqwest::{Method, Response, header};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::datagram::{Asker, Echo, body};
use crate::world::{World, until};

/// A client's stream of changes.
pub(crate) struct Listener {
    response: Response,
    read: String,
    /// The id of the last event.
    id: Option<String>,
}

impl Listener {
    pub(crate) async fn start(world: &World, query: &str, last: Option<&str>) -> Self {
        let mut request = world.call(Method::GET, &format!("/v1/changes{query}"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        let read = String::new();
        Self {
            response,
            read,
            id: None,
        }
    }

    /// The next event: `changed web`.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            while let Some((event, rest)) = self.read.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.read = rest;
                let field = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name));
                    line.map(|value| value.trim().to_owned())
                };
                self.id = field("id:").or(self.id.take());
                let Some(name) = field("event:") else {
                    continue;
                };
                let data: Value = serde_json::from_str(&field("data:").unwrap()).unwrap();
                let about = data["id"].as_str().unwrap_or("-");
                return Some(format!("{name} {about}"));
            }
            let chunk = timeout(Duration::from_secs(20), self.response.chunk()).await;
            let chunk = chunk.unwrap().ok()??;
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    pub(crate) async fn several(&mut self, number: usize) -> Vec<String> {
        let mut events = Vec::new();
        for _ in 0..number {
            events.push(self.next().await.unwrap());
        }
        events
    }
}

#[tokio::test]
async fn changes_are_told_in_order_and_nothing_else() {
    let world = World::start().await;
    let mut listener = Listener::start(&world, "", None).await;
    world.put("a", &json!({})).await;
    world.put("a", &json!({})).await;
    world.put("a", &json!({"tags": {"x": "y"}})).await;
    world.get("/v1/load-balancers/a").await;
    world.delete("a").await;
    let told = listener.several(4).await;
    assert_eq!(
        told,
        ["changed a", "changed a", "deleted a", "freed-capacity -"]
    );
}

#[tokio::test]
async fn a_client_hears_of_what_has_its_tags_or_had_them() {
    let world = World::start().await;
    let mut listener = Listener::start(&world, "?tag=team=shop", None).await;
    let tagged = |team: &str| json!({"tags": {"team": team}});
    world.put("other", &tagged("bank")).await;
    world.put("web", &tagged("shop")).await;
    world.put("web", &tagged("bank")).await;
    world.put("web", &tagged("bank2")).await;
    world.put("last", &tagged("shop")).await;
    let told = listener.several(3).await;
    assert_eq!(told, ["changed web", "changed web", "changed last"]);
}

#[tokio::test]
async fn a_client_goes_on_where_it_was_or_is_told_that_it_cannot() {
    let world = World::start().await;
    let mut listener = Listener::start(&world, "", None).await;
    world.put("a", &json!({})).await;
    listener.next().await;
    let seen = listener.id.clone().unwrap();
    drop(listener);
    world.put("b", &json!({})).await;
    let mut again = Listener::start(&world, "", Some(&seen)).await;
    world.put("c", &json!({})).await;
    assert_eq!(again.several(2).await, ["changed b", "changed c"]);
    for unknown in ["elsewhere-1", "nonsense"] {
        let mut lost = Listener::start(&world, "", Some(unknown)).await;
        world.put(unknown, &json!({})).await;
        assert_eq!(
            lost.several(2).await,
            ["reset -", &format!("changed {unknown}")]
        );
    }
}

#[tokio::test]
async fn a_stream_ends_when_the_cloud_does() {
    let mut world = World::start().await;
    let mut listener = Listener::start(&world, "", None).await;
    world.stop().await;
    assert_eq!(listener.next().await, None);
}

#[tokio::test]
async fn a_change_can_be_bound_to_what_was_seen() {
    let world = World::start().await;
    let change = async |method: Method, header: &str, value: &str, body: &Value| {
        let request = world
            .call(method, "/v1/load-balancers/web")
            .header(header, value);
        request.json(body).send().await.unwrap()
    };
    let put = Method::PUT;
    let early = change(put.clone(), "If-Match", "*", &json!({})).await;
    assert_eq!(early.status(), 412);
    let made = change(put.clone(), "If-None-Match", "*", &json!({})).await;
    assert_eq!(made.status(), 201);
    let first = made.headers()[header::ETAG].to_str().unwrap().to_owned();
    assert_eq!(
        change(put.clone(), "If-None-Match", "*", &json!({}))
            .await
            .status(),
        412
    );
    let same = change(put.clone(), "If-Match", &first, &json!({})).await;
    assert_eq!(
        same.headers()[header::ETAG].to_str().unwrap(),
        first,
        "nothing changed"
    );
    let other = json!({"tags": {"a": "b"}});
    let changed = change(put.clone(), "If-Match", &first, &other).await;
    assert_eq!(changed.status(), 200);
    let second = changed.headers()[header::ETAG].to_str().unwrap().to_owned();
    assert_ne!(first, second);
    let late = change(put, "If-Match", &first, &json!({})).await;
    assert_eq!(late.status(), 412);
    let problem: Value = late.json().await.unwrap();
    assert_eq!(problem["type"], "urn:landfall:problem:precondition-failed");
    let read = world.get("/v1/load-balancers/web").await;
    assert_eq!(read.headers()[header::ETAG].to_str().unwrap(), second);
    assert_eq!(world.read("web").await["etag"], second);
    let delete = Method::DELETE;
    assert_eq!(
        change(delete.clone(), "If-Match", &first, &json!({}))
            .await
            .status(),
        412
    );
    assert_eq!(
        change(delete.clone(), "If-Match", "nonsense", &json!({}))
            .await
            .status(),
        400
    );
    assert_eq!(
        change(delete, "If-Match", &second, &json!({}))
            .await
            .status(),
        204
    );
}

#[tokio::test]
async fn a_new_load_balancer_can_take_its_time() {
    let world = World::with(|options| options.provisioning = Duration::from_millis(200)).await;
    let echo = Echo::start("a").await;
    let mut listener = Listener::start(&world, "", None).await;
    let made = world.put("web", &body(&[&echo])).await;
    assert_eq!(
        (&made["state"], &made["addresses"]),
        (&json!("Provisioning"), &json!([]))
    );
    assert_eq!(made["listeners"][0]["status"]["state"], "Pending");
    let mut changed = body(&[&echo]);
    changed["tags"] = json!({"x": "y"});
    assert_eq!(world.put("web", &changed).await["state"], "Provisioning");
    assert_eq!(listener.several(3).await, ["changed web"; 3]);
    let ready = world.read("web").await;
    assert_eq!(ready["state"], "Active");
    let address = ready["addresses"][0].as_str().unwrap().parse().unwrap();
    let address = std::net::SocketAddr::new(address, 8080);
    assert_eq!(Asker::to(address).await.ask().await, "a");

    let longer = json!({"duration": "60m"});
    let set = world.call(Method::PUT, "/admin/provisioning").json(&longer);
    assert_eq!(set.send().await.unwrap().status(), 204);
    world.put("late", &body(&[])).await;
    assert_eq!(world.read("late").await["state"], "Provisioning");
    assert_eq!(world.put("web", &body(&[&echo])).await["state"], "Active");
    world.delete("late").await;
    until(async || world.get("/v1/load-balancers/late").await.status() == 404).await;
}
