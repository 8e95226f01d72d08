//! The environment, read once: what Helm tells its plugins, and where the user keeps things.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::kube::{Connection, ProxySettings};
use crate::secrets::IdentityFile;

/// What the environment says.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The namespace, where a person chose one: by `helm -n`, or by `HELM_NAMESPACE`.
    pub namespace: Option<String>,
    /// How Helm would reach the cluster.
    pub connection: Connection,
    /// Chart archives, under Helm's cache.
    pub chart_cache: PathBuf,
    /// The user's own charts and profiles.
    pub config_folder: Option<PathBuf>,
    /// The user's age keys: `HELM_IRIS_AGE_IDENTITY`, or a file of the folder above.
    pub identity: IdentityFile,
    /// `HELM_BIN`, which may be a bare word.
    pub helm_bin: Option<OsString>,
    /// `PATH`.
    pub path: Option<OsString>,
    /// `HELM_DRIVER`: where a helm that a person calls keeps its releases.
    pub helm_driver: Option<String>,
    /// Who runs this, as the shell says: `USER`.
    pub user: Option<String>,
    /// `NO_COLOR` is set.
    pub no_color: bool,
    /// The filter of the log, from `HELM_IRIS_LOG`.
    pub log: Option<String>,
}

impl Environment {
    /// Reads the environment of this process.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn read() -> Self {
        Self::from(&|name| std::env::var_os(name))
    }

    fn from(var: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| var(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty());
        let path = |name: &str| var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = path("HOME").unwrap_or_default();
        let cache = path("HELM_CACHE_HOME")
            .or_else(|| path("XDG_CACHE_HOME").map(|base| base.join("helm")))
            .unwrap_or_else(|| home.join(".cache/helm"));
        let config = path("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("helm-iris");
        Self {
            namespace: namespace(text("HELM_NAMESPACE"), text("HELM_PLUGIN_NAME").is_some()),
            connection: Connection {
                kubeconfig: text("KUBECONFIG"),
                context: text("HELM_KUBECONTEXT"),
                home: path("HOME"),
                token: text("HELM_KUBETOKEN").map(crate::redact::Secret::new),
                as_user: text("HELM_KUBEASUSER"),
                as_groups: text("HELM_KUBEASGROUPS")
                    .map(|all| all.split(',').map(str::to_owned).collect())
                    .unwrap_or_default(),
                api_server: text("HELM_KUBEAPISERVER"),
                ca_file: text("HELM_KUBECAFILE"),
                insecure_skip_tls_verify: text("HELM_KUBEINSECURE_SKIP_TLS_VERIFY")
                    .is_some_and(|value| value == "true"),
                tls_server_name: text("HELM_KUBETLS_SERVER_NAME"),
                proxy: ProxySettings {
                    https: text("HTTPS_PROXY").or_else(|| text("https_proxy")),
                    http: text("HTTP_PROXY").or_else(|| text("http_proxy")),
                    none: text("NO_PROXY").or_else(|| text("no_proxy")),
                },
            },
            chart_cache: cache.join("helm-iris"),
            identity: IdentityFile::new(
                path("HELM_IRIS_AGE_IDENTITY").unwrap_or_else(|| config.join("age-identity.txt")),
            ),
            config_folder: Some(config),
            helm_bin: var("HELM_BIN").filter(|value| !value.is_empty()),
            path: var("PATH"),
            helm_driver: text("HELM_DRIVER"),
            user: text("USER"),
            no_color: text("NO_COLOR").is_some(),
            log: text("HELM_IRIS_LOG"),
        }
    }
}

/// Helm always sets `HELM_NAMESPACE` for a plugin, if only to the context's namespace or
/// `default`. Whether a person chose it shows only in Helm's own arguments and environment.
fn namespace(given: Option<String>, under_helm: bool) -> Option<String> {
    if under_helm && !chosen_in_parent().unwrap_or(given.as_deref() != Some("default")) {
        return None;
    }
    given
}

/// Whether the helm that called us was given a namespace; none where that cannot be seen.
#[expect(clippy::disallowed_methods, reason = "files of /proc have no size and are not ours to limit")]
fn chosen_in_parent() -> Option<bool> {
    let parent = std::os::unix::process::parent_id();
    let read = |file: &str| std::fs::read(format!("/proc/{parent}/{file}")).ok();
    let arguments = read("cmdline")?;
    let flag = arguments.split(|byte| *byte == 0).any(|word| {
        word == b"-n" || word == b"--namespace" || word.starts_with(b"--namespace=") || word.starts_with(b"-n=")
    });
    let variable = read("environ")?.split(|byte| *byte == 0).any(|word| word.starts_with(b"HELM_NAMESPACE="));
    Some(flag || variable)
}
