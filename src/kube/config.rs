//! From flags, environment and kubeconfig to a client's configuration, by client-go's rules.

use std::path::{Path, PathBuf};

use ::kube::Config;
use ::kube::config::{KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster};
use secrecy::SecretString;

use super::{CONNECT_TIMEOUT, Connection, READ_TIMEOUT};
use crate::error::{Error, Result};
use crate::problem::did_you_mean;

/// Where to connect.
pub(super) struct Target {
    pub config: Config,
    pub context: Option<String>,
}

/// Name of the cluster and user that stand for flags given without a kubeconfig.
const GIVEN: &str = "given by flags";

pub(super) async fn resolve(connection: &Connection) -> Result<Target> {
    let mut kubeconfig = read(connection)?;
    if kubeconfig.contexts.is_empty() && connection.api_server.is_none() {
        return inside_a_pod(connection);
    }
    let options = select(connection, &kubeconfig)?;
    apply_flags(connection, &mut kubeconfig, &options);
    let context = options.context.clone();
    // kube would decide on a proxy from the environment, and wrongly; see `proxy`.
    let own_proxy = chosen_cluster(&kubeconfig, &options).and_then(|cluster| cluster.proxy_url.clone());
    let mut config =
        Config::from_custom_kubeconfig(without_contexts(kubeconfig, &options), &options).await.map_err(|error| {
            Error::user("the kubeconfig cannot be used").because(error).hint("try: kubectl cluster-info")
        })?;
    config.proxy_url = match own_proxy.filter(|url| !url.is_empty()) {
        Some(url) => Some(parse_proxy(&url)?),
        None => connection.proxy.for_server(&config.cluster_url).map(parse_proxy).transpose()?,
    };
    finish(&mut config);
    Ok(Target { config, context })
}

fn finish(config: &mut Config) {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    // Or the time that a connection sat idle in the pool would count as slow reading.
    config.reset_reader_on_write = true;
    // kube would repeat a request fifteen times over minutes, and say nothing; see `request`.
    config.default_retry = false;
}

fn inside_a_pod(connection: &Connection) -> Result<Target> {
    if let Some(context) = &connection.context {
        return Err(Error::user(format!("there is no context `{context}`"))
            .because("no kubeconfig was found")
            .hint(HOW));
    }
    let mut config = Config::incluster().map_err(|_| {
        Error::user("no cluster to talk to")
            .because(format!("no kubeconfig at {}, and this is not a pod", shown_paths(connection)))
            .hint(HOW)
            .hint("to write the values for review without a cluster: helm iris render CHART")
    })?;
    finish(&mut config);
    Ok(Target { config, context: None })
}

/// How to get a kubeconfig, on the clouds that this is for and elsewhere.
const HOW: &str = "set KUBECONFIG, or on Magnum: openstack coe cluster config CLUSTER";

fn paths(connection: &Connection) -> Vec<PathBuf> {
    let given: Vec<_> = connection
        .kubeconfig
        .iter()
        .flat_map(std::env::split_paths)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    if given.is_empty() { connection.home.iter().map(|home| home.join(".kube/config")).collect() } else { given }
}

fn shown_paths(connection: &Connection) -> String {
    let shown: Vec<_> = paths(connection).iter().map(|path| path.display().to_string()).collect();
    if shown.is_empty() { "~/.kube/config (HOME is not set)".to_owned() } else { shown.join(" or ") }
}

/// Merges the files; as with kubectl, those that are missing count as empty.
fn read(connection: &Connection) -> Result<Kubeconfig> {
    let mut merged = Kubeconfig::default();
    for path in paths(connection).iter().filter(|path| path.exists()) {
        let one = Kubeconfig::read_from(path).map_err(|error| unreadable(path, &error))?;
        merged = merged.merge(one).map_err(|error| unreadable(path, &error))?;
    }
    Ok(merged)
}

fn unreadable(path: &Path, error: &::kube::config::KubeconfigError) -> Error {
    let shown = Error::user(format!("cannot read the kubeconfig {}", path.display()));
    match error {
        // The parser quotes lines, and the lines of a kubeconfig are credentials.
        ::kube::config::KubeconfigError::Parse(_) => shown.because("it is not valid YAML, or not a kubeconfig"),
        other => shown.because(other),
    }
    .hint("try: kubectl config view")
}

fn select(connection: &Connection, kubeconfig: &Kubeconfig) -> Result<KubeConfigOptions> {
    let context =
        connection.context.clone().or_else(|| kubeconfig.current_context.clone()).filter(|name| !name.is_empty());
    let names: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
    let Some(name) = context else {
        if connection.api_server.is_some() {
            return Ok(given_by_flags(None));
        }
        return Err(Error::user("the kubeconfig has no current context")
            .because(format!("its contexts: {}", names.join(", ")))
            .hint("choose one: --kube-context NAME"));
    };
    if names.contains(&name.as_str()) {
        return Ok(KubeConfigOptions { context: Some(name), ..KubeConfigOptions::default() });
    }
    if connection.context.is_none() && connection.api_server.is_some() {
        return Ok(given_by_flags(None));
    }
    let error = Error::user(format!("there is no context `{name}` in {}", shown_paths(connection)));
    Err(match did_you_mean(&name, names.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("its contexts: {}", names.join(", "))),
    })
}

fn given_by_flags(context: Option<String>) -> KubeConfigOptions {
    KubeConfigOptions { context, cluster: Some(GIVEN.to_owned()), user: Some(GIVEN.to_owned()) }
}

fn chosen_cluster<'k>(kubeconfig: &'k Kubeconfig, options: &KubeConfigOptions) -> Option<&'k ::kube::config::Cluster> {
    let of_context = || {
        let context = kubeconfig.contexts.iter().find(|context| Some(&context.name) == options.context.as_ref())?;
        Some(context.context.as_ref()?.cluster.clone())
    };
    let name = options.cluster.clone().or_else(of_context)?;
    kubeconfig.clusters.iter().find(|cluster| cluster.name == name)?.cluster.as_ref()
}

/// Lays the flags over the chosen cluster and user, as client-go's overrides do.
fn apply_flags(connection: &Connection, kubeconfig: &mut Kubeconfig, options: &KubeConfigOptions) {
    let context = kubeconfig
        .contexts
        .iter()
        .find(|context| Some(&context.name) == options.context.as_ref())
        .and_then(|context| context.context.clone());
    let cluster_name = context.as_ref().map_or_else(|| GIVEN.to_owned(), |context| context.cluster.clone());
    let user_name = context.and_then(|context| context.user).unwrap_or_else(|| GIVEN.to_owned());
    if cluster_name == GIVEN {
        kubeconfig.clusters.push(NamedCluster {
            name: GIVEN.to_owned(),
            cluster: Some(::kube::config::Cluster::default()),
            ..NamedCluster::default()
        });
    }
    if !kubeconfig.auth_infos.iter().any(|user| user.name == user_name) {
        kubeconfig.auth_infos.push(NamedAuthInfo { name: user_name.clone(), ..NamedAuthInfo::default() });
    }
    if let Some(cluster) = kubeconfig.clusters.iter_mut().find(|cluster| cluster.name == cluster_name) {
        flags_for_cluster(connection, cluster.cluster.get_or_insert_default());
    }
    if let Some(user) = kubeconfig.auth_infos.iter_mut().find(|user| user.name == user_name) {
        flags_for_user(connection, user.auth_info.get_or_insert_default());
    }
}

fn flags_for_cluster(connection: &Connection, cluster: &mut ::kube::config::Cluster) {
    if let Some(server) = &connection.api_server {
        cluster.server = Some(server.clone());
        // The file's name belongs to the file's server.
        cluster.tls_server_name = None;
    }
    if let Some(ca_file) = &connection.ca_file {
        cluster.certificate_authority = Some(ca_file.clone());
        cluster.certificate_authority_data = None;
    }
    if connection.insecure_skip_tls_verify {
        cluster.insecure_skip_tls_verify = Some(true);
        if connection.ca_file.is_none() {
            cluster.certificate_authority = None;
            cluster.certificate_authority_data = None;
        }
    }
    if let Some(name) = &connection.tls_server_name {
        cluster.tls_server_name = Some(name.clone());
    }
}

fn flags_for_user(connection: &Connection, user: &mut ::kube::config::AuthInfo) {
    if let Some(token) = &connection.token {
        user.token = Some(SecretString::from(token.expose().to_owned()));
        user.token_file = None;
        user.username = None;
        user.password = None;
        user.exec = None;
        user.auth_provider = None;
    }
    if let Some(name) = &connection.as_user {
        user.impersonate = Some(name.clone());
    }
    if !connection.as_groups.is_empty() {
        user.impersonate_groups = Some(connection.as_groups.clone());
    }
}

/// With flags alone there is no context, but kube insists on one.
fn without_contexts(mut kubeconfig: Kubeconfig, options: &KubeConfigOptions) -> Kubeconfig {
    if options.context.is_none() {
        kubeconfig.contexts = vec![::kube::config::NamedContext {
            name: GIVEN.to_owned(),
            context: Some(::kube::config::Context { cluster: GIVEN.to_owned(), ..Default::default() }),
            ..Default::default()
        }];
        kubeconfig.current_context = Some(GIVEN.to_owned());
    }
    kubeconfig
}

fn parse_proxy(url: &str) -> Result<http::Uri> {
    // Go takes a bare `host:port` for an HTTP proxy.
    let full = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    full.parse().map_err(|_| {
        // The URL itself is not shown: it may hold a password.
        Error::user("the proxy for the cluster is not a URL")
            .hint("look at HTTPS_PROXY, or at proxy-url in the kubeconfig")
    })
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
