//! What an error of the Kubernetes client means, and what to do.

use std::error::Error as StdError;
use std::io::ErrorKind as IoKind;

use ::kube::Error as KubeError;
use ::kube::client::AuthError;
use ::kube::core::Status;

use crate::error::Error;

/// Turns a failure to reach or ask the cluster at `server` into what it means.
pub fn explain(error: &KubeError, server: &str) -> Error {
    match error {
        KubeError::Api(status) => refused(status, server),
        KubeError::Auth(error) => credentials(error),
        KubeError::InferKubeconfig(error) => Error::user("the kubeconfig cannot be used").because(error),
        KubeError::SerdeError(error) => Error::user(format!("cannot understand an answer of {server}"))
            .because(error)
            .hint("is it a Kubernetes API server? a proxy in between may answer in its place"),
        KubeError::RustlsTls(error) => Error::user("the certificates of the kubeconfig cannot be used").because(error),
        other => chain(other)
            .into_iter()
            .find_map(|cause| auth_in(cause))
            .map_or_else(|| unreachable(other, server), credentials),
    }
}

/// The error of a refusal by Kubernetes' access control, with what was to be done; else as [`explain`].
pub fn denied(error: &KubeError, server: &str, doing: &str) -> Error {
    match error {
        KubeError::Api(status) if status.is_forbidden() => Error::user(format!("not allowed to {doing}"))
            .because(&status.message)
            .hint("ask an administrator of the cluster for the role `admin` in this namespace, or for the missing right alone"),
        other => {
            let inner = explain(other, server);
            Error { message: format!("cannot {doing}: {}", inner.message), ..inner }
        }
    }
}

fn refused(status: &Status, server: &str) -> Error {
    match status.code {
        401 => Error::user(format!("{server} does not accept the credentials"))
            .because(&status.message)
            .hint("they may have expired: fetch a new kubeconfig, or log in again with the tool that made it"),
        403 => Error::user("the cluster refuses this to the user of the kubeconfig")
            .because(&status.message)
            .hint("ask an administrator of the cluster for the right, or choose another context with --kube-context"),
        429 | 500..=599 => Error::user(format!("{server} is in trouble or too busy (HTTP {})", status.code))
            .because(&status.message)
            .hint("wait a little and run the same command again"),
        400 if status.message.contains("HTTPS server") => Error::user(format!("{server} speaks HTTPS, not HTTP"))
            .hint("write https:// in the kubeconfig or in --kube-apiserver"),
        _ => Error::user(format!("{server} refuses the request (HTTP {})", status.code)).because(&status.message),
    }
}

/// The output of a credential helper is not shown whole: its stdout holds a token.
fn credentials(error: &AuthError) -> Error {
    let shown = Error::user("cannot get credentials for the cluster");
    match error {
        // The command is not shown either: its environment may hold a password.
        AuthError::AuthExecRun { out, .. } => {
            let shown = shown.because(format!("the credential helper of the kubeconfig failed ({})", out.status));
            let stderr = String::from_utf8_lossy(&out.stderr);
            let shown = if stderr.trim().is_empty() { shown } else { shown.because(stderr.trim()) };
            shown.hint(
                "log in again with the tool that made the kubeconfig, or run the helper named under `exec:` by hand",
            )
        }
        AuthError::AuthExecStart(cause) => shown
            .because(format!("the credential helper of the kubeconfig cannot be started: {cause}"))
            .hint("install the helper named under `exec:` in the kubeconfig"),
        AuthError::AuthExecParse(_) => shown.because("the credential helper of the kubeconfig printed no credentials"),
        other => shown.because(other),
    }
}

fn auth_in<'e>(cause: &'e (dyn StdError + 'static)) -> Option<&'e AuthError> {
    cause.downcast_ref::<AuthError>()
}

fn chain(error: &KubeError) -> Vec<&(dyn StdError + 'static)> {
    let mut causes: Vec<&(dyn StdError + 'static)> = Vec::new();
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = next {
        causes.push(current);
        next = current.source();
    }
    causes
}

fn unreachable(error: &KubeError, server: &str) -> Error {
    let causes = chain(error);
    let innermost = causes.last().map(ToString::to_string).unwrap_or_default();
    let io = causes.iter().rev().find_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    let shown = Error::user(format!("cannot reach the cluster at {server}")).because(&innermost);
    let text = causes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    if text.contains("certificate") {
        return shown.hint(certificate_hint(&text));
    }
    match io {
        Some(IoKind::ConnectionRefused) => shown
            .hint("nothing listens there: is the cluster running, and is the address in the kubeconfig right?")
            .hint("through a tunnel or VPN: is it up?"),
        Some(IoKind::TimedOut | IoKind::HostUnreachable | IoKind::NetworkUnreachable) => {
            shown.hint("no answer: a firewall or security group, a VPN that is down, or a cluster that is gone")
        }
        _ if text.contains("dns error") || text.contains("failed to lookup") => {
            shown.hint("its name cannot be resolved: check the server in the kubeconfig, and the network")
        }
        _ if text.contains("proxy") || text.contains("tunnel") => shown.hint(
            "the proxy does not let us through: check HTTPS_PROXY, and put the cluster into NO_PROXY if it is near",
        ),
        _ => shown.hint("try: kubectl cluster-info"),
    }
}

fn certificate_hint(text: &str) -> &'static str {
    if text.contains("UnknownIssuer") {
        "its certificate is signed by an authority that the kubeconfig does not name: fetch a new kubeconfig, or give --kube-ca-file"
    } else if text.contains("NotValidForName") || text.contains("not valid for") {
        "its certificate is for another name: use that name as the server, or give --kube-tls-server-name"
    } else if text.contains("Expired") || text.contains("NotValidYet") {
        "its certificate is out of date: renew it, and check the clock of this machine"
    } else {
        "the TLS connection failed; try: kubectl cluster-info"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, reason: &str) -> KubeError {
        KubeError::Api(Status::failure("the message", reason).with_code(code).boxed())
    }

    #[test]
    fn refusals_say_what_to_do() {
        assert!(explain(&api(401, "Unauthorized"), "S").hints[0].contains("expired"));
        let error = denied(&api(403, "Forbidden"), "S", "read Secrets in dhub");
        assert_eq!(error.message, "not allowed to read Secrets in dhub");
        let error = denied(&api(500, "InternalError"), "S", "read Secrets in dhub");
        assert!(error.message.starts_with("cannot read Secrets in dhub: S is in trouble"), "{error}");
    }

    #[test]
    fn connection_errors_say_what_to_do() {
        let io = |kind| KubeError::Service(Box::new(std::io::Error::from(kind)));
        assert!(explain(&io(IoKind::ConnectionRefused), "S").hints[0].contains("nothing listens"));
        assert!(explain(&io(IoKind::TimedOut), "S").hints[0].contains("firewall"));
        let tls = std::io::Error::new(IoKind::InvalidData, "invalid peer certificate: UnknownIssuer");
        assert!(explain(&KubeError::Service(Box::new(tls)), "S").hints[0].contains("--kube-ca-file"));
    }

    #[test]
    fn a_helpers_output_is_not_shown() {
        let status = std::os::unix::process::ExitStatusExt::from_raw(3 << 8);
        let out = std::process::Output { status, stdout: b"TOKEN\n".to_vec(), stderr: b"why\n".to_vec() };
        let error =
            KubeError::Auth(AuthError::AuthExecRun { cmd: "OS_PASSWORD=PASS helper".into(), out: Box::new(out) });
        let shown = format!("{:?}", explain(&error, "S"));
        assert!(shown.contains("why") && !shown.contains("TOKEN") && !shown.contains("PASS"), "{shown}");
    }
}
