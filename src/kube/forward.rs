//! A stream to a port of a pod, through the API server: what `kubectl port-forward` gives.

use ::kube::{Api, Error as KubeError};
use k8s_openapi::api::core::v1::Pod;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Cluster;

impl Cluster {
    /// Opens a stream to a port of a pod; each connection needs one of its own. None where the API server
    /// agreed and gave none.
    ///
    /// # Errors
    /// When the API server refuses, or knows no such pod.
    pub async fn forward(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> Result<Option<impl AsyncRead + AsyncWrite + Send + Unpin + use<>>, KubeError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        Ok(pods.portforward(pod, &[port]).await?.take_stream(port))
    }

    /// The last lines that a container of a pod printed.
    ///
    /// # Errors
    /// When they may not be read.
    pub async fn log_tail(
        &self,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
        lines: i64,
    ) -> Result<String, KubeError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let wanted = ::kube::api::LogParams {
            container: container.map(str::to_owned),
            tail_lines: Some(lines),
            ..::kube::api::LogParams::default()
        };
        pods.logs(pod, &wanted).await
    }
}
