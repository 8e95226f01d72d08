//! The client below: kube's own, but that every request leaves at once.

use ::kube::client::{ClientBuilder, ConfigExt};
use ::kube::{Client, Config, Error};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::{Builder, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use tower::{BoxError, ServiceBuilder};

/// A client for one cluster.
///
/// # Errors
/// When the credentials or the certificates of the configuration cannot be used.
pub(super) fn client(config: Config) -> Result<Client, Error> {
    // How to go through a proxy kube knows; what waits there is not ours.
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    // kube 5 leaves Nagle's algorithm on. The first request after a resumed TLS session is then kept back until
    // the server acknowledges the handshake, which it delays: 40 ms on Linux.
    tcp.set_nodelay(true);
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(Builder::new(TokioExecutor::new()).build(connector));
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}
