//! The API server, asked directly: what the tests say about the cluster is not what we say.

use std::path::Path;

use http::Request;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tokio::runtime::Runtime;

/// A plain client with a runtime of its own.
pub(crate) struct Api {
    runtime: Runtime,
    client: Client,
}

impl Api {
    pub(crate) fn new(kubeconfig: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let config = Kubeconfig::read_from(kubeconfig).unwrap();
            let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
            Client::try_from(config).unwrap()
        });
        Self { runtime, client }
    }

    fn send(&self, request: Request<Vec<u8>>) -> Result<Value, kube::Error> {
        self.runtime.block_on(self.client.request::<Value>(request))
    }

    fn with_body(&self, method: &str, path: &str, kind: &str, body: &Value) -> Value {
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        self.send(request.body(body.to_string().into_bytes()).unwrap()).unwrap()
    }

    /// Passes a request on; gives status, kind and body of the answer.
    pub(crate) fn forward(
        &self,
        method: &str,
        target: &str,
        [kind, accept]: [Option<&str>; 2],
        body: Vec<u8>,
    ) -> (u16, String, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in [("content-type", kind), ("accept", accept)] {
            request = value.into_iter().fold(request, |request, value| request.header(name, value));
        }
        self.runtime.block_on(async {
            let answer = self.client.send(request.body(body.into()).unwrap()).await.unwrap();
            let status = answer.status().as_u16();
            let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
            (status, kind.unwrap_or_default(), answer.into_body().collect_bytes().await.unwrap().to_vec())
        })
    }

    /// The object at a path, or nothing.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        match self.send(Request::get(path).body(Vec::new()).unwrap()) {
            Ok(value) => Some(value),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// The items of a list.
    pub(crate) fn list(&self, path: &str) -> Vec<Value> {
        self.list_of(path, "items")
    }

    /// What an answer lists under a key.
    pub(crate) fn list_of(&self, path: &str, key: &str) -> Vec<Value> {
        self.get(path).and_then(|list| list[key].as_array().cloned()).unwrap_or_default()
    }

    pub(crate) fn create(&self, path: &str, body: &Value) -> Value {
        self.with_body("POST", path, "application/json", body)
    }

    /// Creates many objects, by path, several at a time.
    pub(crate) fn create_all(&self, objects: Vec<(String, Value)>) {
        use futures::{StreamExt, TryStreamExt};
        let create = |(path, body): (String, Value)| {
            let request = Request::post(path).header("content-type", "application/json");
            self.client.request::<Value>(request.body(body.to_string().into_bytes()).unwrap())
        };
        let all = futures::stream::iter(objects).map(create).buffer_unordered(32).try_collect::<Vec<Value>>();
        self.runtime.block_on(all).unwrap();
    }

    /// Replaces an object's data as a whole.
    pub(crate) fn replace(&self, path: &str, body: &Value) -> Value {
        self.with_body("PUT", path, "application/json", body)
    }

    /// Changes an object as a client of that name does, e.g. `kubectl-edit`.
    pub(crate) fn patch(&self, path: &str, manager: &str, body: &Value) -> Value {
        let kind = "application/merge-patch+json";
        self.with_body("PATCH", &format!("{path}?fieldManager={manager}"), kind, body)
    }

    pub(crate) fn delete(&self, path: &str) {
        let _ = self.send(Request::delete(path).body(Vec::new()).unwrap());
    }

    pub(crate) fn delete_all(&self, path: &str) {
        for item in self.list(path) {
            self.delete(&format!("{path}/{}", item["metadata"]["name"].as_str().unwrap()));
        }
    }
}
