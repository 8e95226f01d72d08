//! What helm's errors mean, and what to do. Pure; the samples in the tests are real.

/// What helm was doing.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'f> {
    /// Release name.
    pub release: &'f str,
    /// Its namespace.
    pub namespace: &'f str,
    /// Seconds that hooks may take.
    pub timeout_seconds: u64,
}

/// An error of helm, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What it means.
    pub meaning: String,
    /// What to do now.
    pub hints: Vec<String>,
    /// The flag by which helm does it all the same, for who is sure.
    pub overruled_by: Option<&'static str>,
}

type Explain = fn(&str, &Facts<'_>) -> Explanation;

/// What stands in helm's message, and what it means. The first that fits counts, so causes come
/// before the timeouts that they end in.
const CASES: &[(&[&str], Explain)] = &[
    (&["another operation", "is in progress"], in_progress),
    (&["release: already exists"], outrun),
    (&["invalid ownership metadata"], owned_by_another),
    (&["failed to install CRD", "conflict"], definition_conflict),
    (&["Apply failed with", "conflict"], field_conflict),
    (&["values don't meet the specifications"], schema),
    (&["is invalid: parameters", "StorageClass"], immutable_class),
    (&["StatefulSet", "updates to statefulset spec"], immutable_stateful_set),
    (&["field is immutable"], immutable),
    (&["incompatible with Kubernetes"], kube_version),
    (&["no matches for kind"], missing_kind),
    (&["exceeded quota"], quota),
    (&["violates PodSecurity"], pod_security),
    (&["is forbidden"], forbidden),
    (&["ask", "for the client to provide credentials"], credentials),
    (&["cluster unreachable"], unreachable),
    (&["is not a valid chart repository or cannot be reached"], repository),
    (&["no chart version found"], no_version),
    (&["has no deployed releases"], never_deployed),
    (&["failed pre-install"], hook),
    (&["failed post-install"], hook),
    (&["pre-upgrade hooks failed"], hook),
    (&["post-upgrade hooks failed"], hook),
    (&["hooks failed"], hook),
    (&["execution error at"], chart_refuses),
    (&["context deadline exceeded"], timeout),
    (&["timed out waiting for the condition"], timeout),
    (&["is invalid:"], invalid_object),
];

/// What an API server says, or the network, when the next try may go well.
const PASSING: &[&str] = &[
    "connection reset by peer",
    "connection refused",
    "broken pipe",
    ": EOF",
    "unexpected EOF",
    "i/o timeout",
    "TLS handshake timeout",
    "http2: client connection lost",
    "http2: server sent GOAWAY",
    "Internal error occurred",
    "an error on the server",
    "InternalError",
    "the server is currently unable to handle the request",
    "Too many requests",
    "too many requests",
    "etcdserver: request timed out",
    "etcdserver: leader changed",
    "the object has been modified",
    "request timed out",
];

/// Whether starting helm again may help.
pub(super) fn is_passing(words: &str) -> bool {
    PASSING.iter().any(|sign| words.contains(sign))
}

/// What helm's words mean, if we know them.
pub fn explain(words: &str, facts: &Facts<'_>) -> Option<Explanation> {
    let lower = words.to_lowercase();
    CASES
        .iter()
        .find(|(signs, _)| signs.iter().all(|sign| lower.contains(&sign.to_lowercase())))
        .map(|(_, explain)| explain(words, facts))
}

fn says(meaning: impl Into<String>, hints: &[&str]) -> Explanation {
    told(meaning, hints.iter().map(ToString::to_string).collect())
}

fn told(meaning: impl Into<String>, hints: Vec<String>) -> Explanation {
    Explanation { meaning: meaning.into(), hints, overruled_by: None }
}

/// What stands between two marks, for names in messages.
fn between<'w>(words: &'w str, before: &str, after: &str) -> Option<&'w str> {
    let rest = &words[words.find(before)? + before.len()..];
    Some(&rest[..rest.find(after)?]).filter(|found| !found.is_empty())
}

fn in_progress(_: &str, facts: &Facts<'_>) -> Explanation {
    let Facts { release, namespace, .. } = facts;
    told(
        format!("another helm works on `{release}` right now, or one was killed while it did"),
        vec![
            "if somebody else is installing, wait until they are done, then run the same command again".into(),
            format!("if not, see what is left: helm history {release} -n {namespace}"),
            format!("a killed first install is cleared by: helm uninstall {release} -n {namespace} (volumes stay)"),
            format!("a killed upgrade by: helm rollback {release} -n {namespace}"),
        ],
    )
}

fn outrun(_: &str, facts: &Facts<'_>) -> Explanation {
    says(
        format!("somebody else made this revision of `{}` at the same moment", facts.release),
        &["wait until they are done, then run the same command again: it looks anew and goes on from there"],
    )
}

fn owned_by_another(words: &str, facts: &Facts<'_>) -> Explanation {
    let object = words.find(" in namespace ").map(|end| &words[..end]).and_then(|head| {
        let kind = head.rsplit(": ").next()?;
        Some(kind.to_owned())
    });
    let object = object.unwrap_or_else(|| "an object of the chart".to_owned());
    let owner = between(words, "\"meta.helm.sh/release-name\" must equal", "\";")
        .and_then(|part| between(part, "current value is \"", "\""));
    let owner = owner.or_else(|| between(words, "current value is \"", "\""));
    match owner {
        Some(owner) => says(
            format!("{object} exists and belongs to the release `{owner}`, not to `{}`", facts.release),
            &[
                "cluster-wide names carry the release name: install this hub in another namespace (-n NAME), or uninstall the other release first",
            ],
        ),
        None => Explanation {
            overruled_by: Some("--take-ownership"),
            ..says(
                format!("{object} exists and was not made by helm, so helm does not touch it"),
                &["delete it if nothing needs it, then run the same command again"],
            )
        },
    }
}

fn field_conflict(words: &str, _: &Facts<'_>) -> Explanation {
    let who = between(words, "conflict with \"", "\"").unwrap_or("somebody else");
    Explanation {
        overruled_by: Some("--force-conflicts"),
        ..says(
            format!(
                "a field that this release sets was changed by `{who}`, and helm does not overwrite what others set"
            ),
            &["if the change is wanted, put it into the site file: the conflict ends when both say the same"],
        )
    }
}

/// Helm 4 applies the definitions of a chart with each new release of it; others may have made them before.
fn definition_conflict(words: &str, _: &Facts<'_>) -> Explanation {
    let who = between(words, "conflict with \"", "\"").unwrap_or("somebody else");
    says(
        format!("the cluster has CRDs of this chart from `{who}`, which are not as the chart has them"),
        &["to make them so, for the whole cluster: helm iris install with --upgrade-crds"],
    )
}

fn schema(_: &str, _: &Facts<'_>) -> Explanation {
    says(
        "the chart's schema refuses these values; nothing was changed",
        &[
            "correct the named keys in the site file or under `values:`; `helm iris render` checks the same once the chart is pulled: helm iris charts pull",
        ],
    )
}

fn immutable_class(words: &str, _: &Facts<'_>) -> Explanation {
    fixed_class(between(words, "\"", "\"").unwrap_or("NAME"))
}

/// What can be done where another StorageClass of the same name is wanted.
pub fn fixed_class(class: &str) -> Explanation {
    told(
        "what a StorageClass is made of can never be changed",
        vec![
            "give the new class another name (storage.newClass.name)".into(),
            format!(
                "or delete the old class, which harms no volume that exists: kubectl delete storageclass {class}; then run the same command again"
            ),
        ],
    )
}

fn immutable_stateful_set(_: &str, facts: &Facts<'_>) -> Explanation {
    fixed_stateful_set("NAME", facts.namespace)
}

/// What can be done where other volumes of a StatefulSet are wanted.
pub fn fixed_stateful_set(name: &str, namespace: &str) -> Explanation {
    told(
        "a StatefulSet's volumes, selector and service name can never be changed",
        vec![
            "undo the change, e.g. of a volume's size; to grow a volume, edit its claim: kubectl edit pvc".into(),
            format!(
                "or delete the StatefulSet and keep its pods and volumes: kubectl delete statefulset {name} -n {namespace} --cascade=orphan; then run the same command again"
            ),
        ],
    )
}

fn immutable(_: &str, facts: &Facts<'_>) -> Explanation {
    says(
        "the change touches a field that Kubernetes never lets anyone change",
        &[&format!(
            "undo the change, or delete the named object in {} first if losing it does no harm",
            facts.namespace
        )],
    )
}

fn kube_version(words: &str, _: &Facts<'_>) -> Explanation {
    let wanted = between(words, "requires kubeVersion: ", " which").unwrap_or("another");
    let have = between(&format!("{words}\n"), "incompatible with Kubernetes ", "\n").unwrap_or("this one").to_owned();
    says(
        format!("the chart wants Kubernetes {wanted}, the cluster is {have}"),
        &["upgrade the cluster, or choose another version of the chart under `sources:`"],
    )
}

fn missing_kind(words: &str, _: &Facts<'_>) -> Explanation {
    let kind = between(words, "no matches for kind \"", "\"").unwrap_or("an object");
    let version = between(words, "in version \"", "\"").unwrap_or("that version");
    says(
        format!("the cluster does not know {kind} of {version}"),
        &[
            "the chart is too old or too new for this Kubernetes: choose another version under `sources:`",
            "or a CustomResourceDefinition is missing: look for the chart that brings it",
        ],
    )
}

fn quota(_: &str, facts: &Facts<'_>) -> Explanation {
    says(
        "the namespace's quota is used up",
        &[
            &format!("see what is used: kubectl describe quota -n {}", facts.namespace),
            "ask for less in the site file, or an administrator for more",
        ],
    )
}

fn pod_security(_: &str, facts: &Facts<'_>) -> Explanation {
    says(
        "the namespace's Pod Security level does not allow the chart's pods",
        &[&format!(
            "ask an administrator: kubectl label namespace {} pod-security.kubernetes.io/enforce=baseline --overwrite",
            facts.namespace
        )],
    )
}

fn forbidden(words: &str, _: &Facts<'_>) -> Explanation {
    let verb = between(words, "cannot ", " ").unwrap_or("do this");
    let what = between(words, "resource \"", "\"").unwrap_or("objects");
    let place = if words.contains("at the cluster scope") { "cluster-wide" } else { "in the namespace" };
    told(
        format!("you may not {verb} {what} {place}"),
        vec!["ask an administrator of the cluster for the right, or to run this command".into(), narrower(what).into()],
    )
}

/// What may do with fewer rights.
fn narrower(what: &str) -> &'static str {
    match what {
        "storageclasses" => "no new class is needed where one exists: name it as storage.className",
        "clusterroles" | "clusterrolebindings" | "customresourcedefinitions" => {
            "the chart makes roles and kinds of its own for the whole cluster, at every install and upgrade"
        }
        _ => "see what you may do: kubectl auth can-i --list",
    }
}

fn credentials(_: &str, _: &Facts<'_>) -> Explanation {
    says(
        "the cluster does not accept the credentials any more",
        &["fetch a new kubeconfig or log in again, then run the same command again"],
    )
}

fn unreachable(_: &str, _: &Facts<'_>) -> Explanation {
    says(
        "helm could not reach the cluster",
        &["check network, VPN and proxy, then run the same command again: it goes on from here"],
    )
}

fn repository(_: &str, _: &Facts<'_>) -> Explanation {
    says(
        "the chart repository did not answer",
        &[
            "check the network and HTTPS_PROXY",
            "a mirror can be named in the site file: sources: {CHART: {repo: https://…}}",
        ],
    )
}

fn no_version(_: &str, _: &Facts<'_>) -> Explanation {
    says("the repository does not have this version of the chart", &["check `sources:` in the site file or profile"])
}

fn never_deployed(_: &str, facts: &Facts<'_>) -> Explanation {
    says(
        "the release exists but was never installed to the end",
        &[&format!(
            "clear it (volumes stay): helm uninstall {} -n {}; then run the same command again",
            facts.release, facts.namespace
        )],
    )
}

fn hook(_: &str, facts: &Facts<'_>) -> Explanation {
    told(
        format!(
            "a job that helm runs before or after the installation did not finish within {} s",
            facts.timeout_seconds
        ),
        vec![
            format!("see why: kubectl get pods,events -n {} --sort-by=.metadata.creationTimestamp", facts.namespace),
            "pulling a big notebook image to every node can take long: users.prePull: false leaves it out".into(),
            "when mended, run the same command again".into(),
        ],
    )
}

fn chart_refuses(words: &str, _: &Facts<'_>) -> Explanation {
    let why = words
        .lines()
        .find(|line| line.contains("execution error at"))
        .and_then(|line| line.rsplit("): ").next())
        .unwrap_or("see below");
    says(
        format!("the chart itself refuses these values: {why}"),
        &["correct the values in the site file or under `values:`; nothing was changed"],
    )
}

fn timeout(_: &str, facts: &Facts<'_>) -> Explanation {
    says(
        format!("it took longer than {} s", facts.timeout_seconds),
        &[
            &format!("see what is missing: kubectl get pods,pvc,events -n {}", facts.namespace),
            "then run the same command again: it goes on from here",
        ],
    )
}

fn invalid_object(_: &str, _: &Facts<'_>) -> Explanation {
    says(
        "Kubernetes refuses an object that the chart makes of these values",
        &["correct the value that the message names, in the site file or under `values:`"],
    )
}
