//! The command line and Helm's environment: as typed, nothing decided.

pub mod candidates;
mod environment;

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

pub use environment::Environment;

use crate::kube::Connection;
use crate::load::Request;
use crate::text::quoted;
use crate::ui::ColorChoice;

/// Flags that every verb takes.
#[derive(Debug, Args)]
pub struct GlobalArgs {
    /// Colour the labels
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Output")]
    pub color: ColorChoice,
    /// Print data, warnings and errors only
    #[arg(long, short, global = true, help_heading = "Output")]
    pub quiet: bool,
    /// Log each helm command and how long it took
    #[arg(long, short, global = true, help_heading = "Output")]
    pub verbose: bool,
    /// Flags of Helm; `helm` takes them before it calls us
    #[command(flatten)]
    pub kube: KubeArgs,
}

/// Helm's own flags, for calls as `helm-iris`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster (the same flags as Helm's)")]
pub struct KubeArgs {
    /// Namespace of the hub; unset: the chart's own, e.g. dhub for daskhub
    #[arg(long, short, global = true)]
    pub namespace: Option<String>,
    /// Path of the kubeconfig file
    #[arg(long, global = true)]
    pub kubeconfig: Option<String>,
    /// Name of the kubeconfig context
    #[arg(long, global = true)]
    pub kube_context: Option<String>,
    /// Address of the API server
    #[arg(long, global = true, hide_short_help = true)]
    pub kube_apiserver: Option<String>,
    /// User name to impersonate
    #[arg(long, global = true, hide_short_help = true)]
    pub kube_as_user: Option<String>,
    /// Group to impersonate; may be given several times
    #[arg(long, global = true, hide_short_help = true)]
    pub kube_as_group: Vec<String>,
    /// Certificate authority of the API server
    #[arg(long, global = true, hide_short_help = true)]
    pub kube_ca_file: Option<String>,
    /// Name that the API server's certificate must have
    #[arg(long, global = true, hide_short_help = true)]
    pub kube_tls_server_name: Option<String>,
    /// Do not check the API server's certificate
    #[arg(long, global = true, hide_short_help = true)]
    pub kube_insecure_skip_tls_verify: bool,
}

/// What the hub shall be: the same flags for every verb that needs to know.
#[derive(Debug, Clone, Args)]
pub struct TargetArgs {
    /// The chart, e.g. daskhub; see `helm iris charts list`
    #[arg(add = ArgValueCompleter::new(candidates::charts))]
    pub chart: String,
    /// What it shall be like.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// What the hub shall be like, whatever the chart.
#[derive(Debug, Clone, Args)]
pub struct SettingsArgs {
    /// The site file; unset: iris.yaml of this folder, if there is one
    #[arg(long = "file", short = 'f', value_name = "SITE", value_hint = clap::ValueHint::FilePath)]
    pub site_file: Option<PathBuf>,
    /// The cloud; see `helm iris profiles list`
    #[arg(long, add = ArgValueCompleter::new(candidates::profiles))]
    pub profile: Option<String>,
    /// Override one setting of the site file; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Allow the namespace `default`
    #[arg(long)]
    pub allow_default_namespace: bool,
}

impl TargetArgs {
    /// The request of the stages.
    pub fn request(&self, global: &GlobalArgs, environment: &Environment, output: Option<PathBuf>) -> Request {
        self.settings.request(&self.chart, global, environment, output)
    }
}

impl TargetArgs {
    /// The same once more, as one would type it after a verb.
    pub fn typed(&self, global: &GlobalArgs, environment: &Environment) -> String {
        let SettingsArgs { site_file, profile, set, allow_default_namespace } = &self.settings;
        let namespace = global.kube.namespace.as_ref().or(environment.namespace.as_ref());
        let mut typed = quoted(&self.chart);
        let file = site_file.as_ref().map(|file| file.to_string_lossy().into_owned());
        let given = [("-n", namespace), ("-f", file.as_ref()), ("--profile", profile.as_ref())];
        let given = given.into_iter().filter_map(|(flag, value)| Some((flag, value?)));
        for (flag, value) in given.chain(set.iter().map(|set| ("--set", set))) {
            typed.push_str(&format!(" {flag} {}", quoted(value)));
        }
        if *allow_default_namespace {
            typed.push_str(" --allow-default-namespace");
        }
        typed
    }
}

impl SettingsArgs {
    /// The request of the stages for a chart.
    pub fn request(
        &self,
        chart: &str,
        global: &GlobalArgs,
        environment: &Environment,
        output: Option<PathBuf>,
    ) -> Request {
        Request {
            chart: chart.to_owned(),
            site_file: self.site_file.clone(),
            profile: self.profile.clone(),
            set: self.set.clone(),
            namespace: global.kube.namespace.clone().or_else(|| environment.namespace.clone()),
            allow_default_namespace: self.allow_default_namespace,
            output,
            cache: environment.chart_cache.clone(),
            config_folder: environment.config_folder.clone(),
            identity: environment.identity.clone(),
        }
    }
}

impl GlobalArgs {
    /// The connection to the cluster: our flags, else what Helm passed by environment.
    pub fn connection(&self, environment: &Environment) -> Connection {
        let flags = &self.kube;
        let passed = environment.connection.clone();
        Connection {
            kubeconfig: flags.kubeconfig.clone().or(passed.kubeconfig),
            context: flags.kube_context.clone().or(passed.context),
            home: passed.home,
            proxy: passed.proxy,
            token: passed.token,
            as_user: flags.kube_as_user.clone().or(passed.as_user),
            as_groups: if flags.kube_as_group.is_empty() { passed.as_groups } else { flags.kube_as_group.clone() },
            api_server: flags.kube_apiserver.clone().or(passed.api_server),
            ca_file: flags.kube_ca_file.clone().or(passed.ca_file),
            insecure_skip_tls_verify: flags.kube_insecure_skip_tls_verify || passed.insecure_skip_tls_verify,
            tls_server_name: flags.kube_tls_server_name.clone().or(passed.tls_server_name),
        }
    }
}
