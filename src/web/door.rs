//! How a service is reached: by its URL, or through the API server.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error as TlsError};

use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};

/// What does not answer the first packet in this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What the verifier of certificates reads, on Linux in place of the system's own file.
const TRUSTED: &str = "an authority of your own: SSL_CERT_FILE=FILE before the command, with its certificate (PEM); on macOS and Windows, the system's store";

/// Something to talk through.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A port of a pod, behind the API server.
#[derive(Debug, Clone)]
pub struct Forward {
    /// The cluster.
    pub cluster: Cluster,
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// Its port.
    pub port: u16,
    /// What people know it by, e.g. `service/proxy-public in dhub`.
    pub label: String,
}

/// The way to a service.
#[derive(Debug, Clone)]
pub struct Door {
    way: Way,
    /// For the header `Host`.
    pub(super) host: String,
    /// What stands before every path; without a slash at the end.
    prefix: String,
    label: String,
}

#[derive(Debug, Clone)]
enum Way {
    Tcp { host: String, port: u16, secure: bool },
    Forward(Box<Forward>),
}

impl Door {
    /// To a URL, e.g. `https://hub.example.org` or `http://127.0.0.1:8080/prefix`.
    ///
    /// # Errors
    /// When it is none.
    pub fn to_url(url: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Err(Error::usage(format!("--url {url}: {why}")).hint("e.g. --url https://hub.example.org".to_owned()))
        };
        let Ok(uri) = url.parse::<Uri>() else { return wrong("it is no URL") };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return wrong("it does not begin with http:// or https://");
        };
        if authority.as_str().contains('@') {
            return Err(Error::usage("--url holds a user or a password: leave them out"));
        }
        let secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return wrong("it does not begin with http:// or https://"),
        };
        if uri.query().is_some() {
            return wrong("it has a query");
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let prefix = uri.path().trim_end_matches('/').trim_end_matches("/hub").to_owned();
        let label = format!("{scheme}://{authority}{prefix}");
        Ok(Self { way: Way::Tcp { host, port, secure }, host: authority.to_string(), prefix, label })
    }

    /// To a port of a pod.
    pub fn to_pod(forward: Forward) -> Self {
        let label = forward.label.clone();
        Self { way: Way::Forward(Box::new(forward)), host: "localhost".to_owned(), prefix: String::new(), label }
    }

    /// Whether what is said can be read by others on the way.
    pub fn is_in_clear(&self) -> bool {
        let Way::Tcp { host, secure: false, .. } = &self.way else { return false };
        host != "localhost" && !host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// What people know it by.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// A path as the service must be asked for it.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    pub(super) async fn connect(&self) -> Result<Box<dyn Stream>> {
        match &self.way {
            Way::Tcp { host, port, secure } => self.over_tcp(host, *port, *secure).await,
            Way::Forward(forward) => through_the_api_server(forward).await,
        }
    }

    async fn over_tcp(&self, host: &str, port: u16, secure: bool) -> Result<Box<dyn Stream>> {
        let failed = |why: String| Error::user(format!("cannot reach {}", self.label)).because(why);
        let stream = match timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => return Err(failed(format!("no answer within {} seconds", CONNECT_TIMEOUT.as_secs()))),
        };
        // Small frames that wait for each other.
        let _ = stream.set_nodelay(true);
        if !secure {
            return Ok(Box::new(stream));
        }
        let config = ClientConfig::with_platform_verifier().map_err(|error| failed(error.to_string()).hint(TRUSTED))?;
        let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(error.to_string()))?;
        match timeout(CONNECT_TIMEOUT, TlsConnector::from(Arc::new(config)).connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(distrusted(failed(error.to_string()), &error)),
            Err(_) => Err(failed("it takes the connection and speaks no TLS".to_owned())),
        }
    }
}

/// With what to do about a certificate that does not prove who answers.
fn distrusted(failed: Error, error: &std::io::Error) -> Error {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    match tls {
        Some(TlsError::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => failed
            .hint("this machine does not trust who signed the certificate; do people's browsers?")
            .hint(TRUSTED)
            .hint("one that lacks the certificates between it and a root is told so too"),
        Some(TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => failed.hint("give the name that the certificate is for, or the hub a certificate for this name"),
        // Its type is of a library below.
        _ if error.to_string().contains("CaUsedAsEndEntity") => failed
            .hint("the certificate is an authority's own, as `openssl req -x509` makes them; no hub may answer with it")
            .hint("a self-signed one that is none: openssl req -x509 -addext basicConstraints=critical,CA:FALSE …"),
        _ => {
            failed.hint("is the certificate for this name, not expired, and of an authority that this machine trusts?")
        }
    }
}

async fn through_the_api_server(forward: &Forward) -> Result<Box<dyn Stream>> {
    let Forward { cluster, namespace, pod, port, label } = forward;
    let doing = format!("forward port {port} of the pod {pod} in {namespace}");
    match cluster.forward(namespace, pod, *port).await {
        Ok(Some(stream)) => Ok(Box::new(stream)),
        Ok(None) => Err(Error::user(format!("cannot reach {label}")).because("the API server gave no stream")),
        Err(error) => Err(denied(&error, &cluster.server, &doing).hint(
            "the right to `create` `pods/portforward` is needed, and nodes that the API server reaches; or give --url",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_in_clear_beyond_this_machine() {
        let is_in_clear = |url: &str| Door::to_url(url).unwrap().is_in_clear();
        for url in ["http://hub.example.org", "http://192.0.2.7:8080/x", "http://[2001:db8::1]", "http://0.0.0.0"] {
            assert!(is_in_clear(url), "{url}");
        }
        for url in ["https://hub.example.org", "http://127.0.0.1:8000", "http://localhost", "http://[::1]:80/hub"] {
            assert!(!is_in_clear(url), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_told_apart() {
        let hints = |error: std::io::Error| distrusted(Error::user("no"), &error).hints.join(" ");
        let invalid = |why| std::io::Error::other(TlsError::InvalidCertificate(why));
        assert!(hints(invalid(CertificateError::UnknownIssuer)).contains("SSL_CERT_FILE"));
        assert!(hints(invalid(CertificateError::NotValidForName)).contains("name that the certificate is for"));
        assert!(hints(std::io::Error::other("Other(OtherError(CaUsedAsEndEntity))")).contains("CA:FALSE"));
        assert!(hints(invalid(CertificateError::Expired)).contains("not expired"));
    }

    #[test]
    fn urls_as_people_write_them() {
        let door = |url: &str| Door::to_url(url).map(|door| (door.label.clone(), door.path("/hub/api")));
        let reads = |url: &str, label: &str, path: &str| {
            assert_eq!(door(url).unwrap(), (label.to_owned(), path.to_owned()), "{url}");
        };
        reads("http://h:81", "http://h:81", "/hub/api");
        reads("https://h/", "https://h", "/hub/api");
        reads("https://h/hub/", "https://h", "/hub/api");
        reads("https://[::1]:8000/jupyter", "https://[::1]:8000/jupyter", "/jupyter/hub/api");
        for wrong in ["h:81", "ftp://h", "/hub", "", "http://", "http://h/?a=b", "http://name:word@h/"] {
            assert!(door(wrong).is_err(), "{wrong}");
        }
        assert!(!door("http://name:word@h/").unwrap_err().to_string().contains("word@"));
    }
}
