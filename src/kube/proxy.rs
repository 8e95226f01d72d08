//! Which proxy Helm would use to reach the API server.
//!
//! kube's own reading compares `NO_PROXY` with the proxy's host instead of the cluster's and does
//! not know that Go never proxies loopback, so we decide and hand it the result. The rules are
//! those of Go's `golang.org/x/net/http/httpproxy`, which Helm uses.

use std::net::IpAddr;

use http::Uri;

/// The proxy variables of the environment.
#[derive(Debug, Clone, Default)]
pub struct ProxySettings {
    /// `HTTPS_PROXY` or `https_proxy`.
    pub https: Option<String>,
    /// `HTTP_PROXY` or `http_proxy`.
    pub http: Option<String>,
    /// `NO_PROXY` or `no_proxy`.
    pub none: Option<String>,
}

impl ProxySettings {
    /// The proxy for a server, if one is to be used.
    pub fn for_server(&self, server: &Uri) -> Option<&str> {
        let host = server.host()?.trim_matches(['[', ']']).to_ascii_lowercase();
        let chosen = if server.scheme_str() == Some("http") { &self.http } else { &self.https };
        let proxy = chosen.as_deref().filter(|proxy| !proxy.is_empty())?;
        let port = server.port_u16().unwrap_or(if server.scheme_str() == Some("http") { 80 } else { 443 });
        (!is_local(&host) && !self.is_excepted(&host, port)).then_some(proxy)
    }

    fn is_excepted(&self, host: &str, port: u16) -> bool {
        let list = self.none.as_deref().unwrap_or_default().to_ascii_lowercase();
        list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| entry_matches(entry, host, port))
    }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn entry_matches(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let (Some((network, bits)), Ok(address)) = (entry.split_once('/'), host.parse::<IpAddr>()) {
        return in_network(address, network, bits);
    }
    let (name, only_port) = match entry.rsplit_once(':') {
        Some((name, digits)) if digits.parse::<u16>().is_ok() && !name.contains(':') => (name, digits.parse().ok()),
        _ => (entry.trim_matches(['[', ']']), None),
    };
    if only_port.is_some_and(|only: u16| only != port) {
        return false;
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    match name.strip_prefix('.') {
        // `.example.org` stands for the names below it, `example.org` for itself and those below.
        Some(_) => host.ends_with(name),
        None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
    }
}

fn in_network(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(two)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            one.to_bits() & mask == two.to_bits() & mask
        }
        (IpAddr::V6(one), IpAddr::V6(two)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            one.to_bits() & mask == two.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(none: &str, server: &str) -> bool {
        let settings = ProxySettings { https: Some("http://proxy:3128".into()), http: None, none: Some(none.into()) };
        settings.for_server(&server.parse().unwrap()).is_some()
    }

    #[test]
    fn as_go_does() {
        assert!(proxied("", "https://kube.example.org:6443"));
        for server in
            ["https://127.0.0.1:6443", "https://localhost:6443", "https://[::1]:6443", "http://kube.example.org"]
        {
            assert!(!proxied("", server), "{server}");
        }
        let excepted = [
            ("*", "https://kube.example.org"),
            ("example.org", "https://kube.example.org"),
            (".example.org", "https://kube.example.org"),
            ("*.example.org", "https://kube.example.org"),
            ("kube.example.org:6443", "https://kube.example.org:6443"),
            ("a, 10.0.0.0/8", "https://10.20.30.40:6443"),
            ("10.20.30.40", "https://10.20.30.40:6443"),
            ("fd00::/8", "https://[fd00::1]:6443"),
        ];
        for (none, server) in excepted {
            assert!(!proxied(none, server), "{none} {server}");
        }
        let not_excepted = [
            ("ample.org", "https://kube.example.org"),
            (".example.org", "https://example.org"),
            ("kube.example.org:443", "https://kube.example.org:6443"),
            ("10.0.0.0/8", "https://11.0.0.1"),
            ("proxy", "https://kube.example.org"),
        ];
        for (none, server) in not_excepted {
            assert!(proxied(none, server), "{none} {server}");
        }
    }
}
