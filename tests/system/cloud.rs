//! The mock cloud of a story, and what is done to it and read there by others than controllers.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_test_process::{Gateway, MockCloud};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

impl World {
    /// What the mock cloud holds: addresses by the UID of the Service.
    pub async fn held(&self) -> BTreeMap<String, Vec<String>> {
        let items = self.items().await.into_iter();
        items
            .map(|item| {
                let uid = item["tags"]["landfall.dev/service-uid"].as_str().unwrap();
                let addresses = item["addresses"].as_array().unwrap().iter();
                let addresses = addresses.map(|it| it.as_str().unwrap().to_owned());
                (uid.to_owned(), addresses.collect())
            })
            .collect()
    }

    /// The load balancers of the mock cloud, in the order of their ids.
    pub async fn items(&self) -> Vec<Value> {
        let url = format!("http://{}/v1/load-balancers", self.cloud);
        let asked = self.http.get(url).bearer_auth(MockCloud::TOKEN);
        let answer = asked.send().await.unwrap();
        let mut list: Value = answer.error_for_status().unwrap().json().await.unwrap();
        assert!(
            list["continue"].is_null(),
            "a longer list than a story makes"
        );
        list["items"].as_array_mut().unwrap().drain(..).collect()
    }

    /// Alters the only load balancer behind everybody's back; `?quietly=true`, the stream of changes
    /// does not tell.
    pub async fn alter(&self, query: &str, patch: Value) {
        let id = self.items().await[0]["id"].as_str().unwrap().to_owned();
        let what = format!("load-balancers/{id}{query}");
        self.admin.ask(Method::PATCH, &what, Some(patch)).await;
    }

    /// Has the mock cloud take another token from now on.
    pub async fn change_token(&self, token: &str) {
        let body = json!({ "token": token });
        self.admin.ask(Method::PUT, "token", Some(body)).await;
    }

    /// What the mock cloud answers reaches controllers that start later only after this time, and
    /// only while the way is open.
    pub fn put_gateway(&mut self, delay: Duration) -> &Gateway {
        self.to_cloud.insert(Gateway::slow(self.cloud, delay))
    }

    /// The way to the mock cloud, once it was slowed down.
    pub fn to_cloud(&self) -> &Gateway {
        self.to_cloud.as_ref().unwrap()
    }
}
