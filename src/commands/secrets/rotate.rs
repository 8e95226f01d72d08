//! `helm iris secrets rotate`: new values for secrets in use, by a plan like any other. The bundle names
//! them from then on.

use std::path::PathBuf;

use clap::Args;

use super::{Outcome, StoreArgs};
use crate::apply::{self, Level};
use crate::bundle::Bundle;
use crate::bundle::manifest::{Manifest, SecretEntry};
use crate::chart::release::Scope;
use crate::cli::{Environment, GlobalArgs};
use crate::commands::session::{Reviewed, Session};
use crate::commands::wait_for;
use crate::error::{Error, Result};
use crate::plan;
use crate::problem::did_you_mean;
use crate::secrets::{Ledger, Reconciled, Source};
use crate::ui::Ui;

/// Arguments of `secrets rotate`.
#[derive(Debug, Args)]
pub struct RotateArgs {
    /// Which secrets; see `helm iris secrets list`
    #[arg(required_unless_present = "all", value_name = "NAME")]
    pub names: Vec<String>,
    /// Every secret of the hub that can be made here
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// The bundle that is installed; unset: the folder with the namespace's name
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub bundle: Option<PathBuf>,
    /// Remove the older revisions from Helm's history, which hold the old values
    #[arg(long)]
    pub prune_history: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Where the secrets are kept.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Rotates.
pub(super) fn run(args: &RotateArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let folder = match &args.bundle {
        Some(folder) => folder.clone(),
        None => PathBuf::from(super::namespace(global, environment)?),
    };
    let bundle = Bundle::open(&folder)?;
    let (asked, is) = (super::given_namespace(global, environment), &bundle.manifest().namespace);
    if let Some(asked) = asked.filter(|asked| asked != is) {
        return Err(Error::usage(format!(
            "the bundle {} is for the namespace `{is}`, not `{asked}`",
            folder.display()
        )));
    }
    let reviewed = Reviewed::of_bundle(bundle, args.store.site_file.as_deref(), environment)?;
    let chosen = chosen(args, reviewed.bundle.manifest())?;
    if args.all {
        tell_left_out(reviewed.bundle.manifest(), ui);
    }
    wait_for(rotate(args, reviewed, &chosen, (global, environment), ui))
}

/// The secrets that are meant.
fn chosen(args: &RotateArgs, manifest: &Manifest) -> Result<Vec<SecretEntry>> {
    if args.all {
        return Ok(manifest.secrets.iter().filter(|secret| can_be_replaced(secret)).cloned().collect());
    }
    let one = |name: &String| {
        let secret = manifest.secrets.iter().find(|secret| secret.name == *name).ok_or_else(|| {
            let like = did_you_mean(name, manifest.secrets.iter().map(|secret| secret.name.as_str()));
            let fix = like.map_or_else(
                || format!("helm iris secrets list -n {}", manifest.namespace),
                |like| format!("did you mean `{like}`?"),
            );
            Error::user(format!("the hub has no secret `{name}`")).hint(fix)
        })?;
        if can_be_replaced(secret) {
            return Ok(secret.clone());
        }
        if secret.kind.can_be_made() {
            return Err(held_elsewhere(secret, manifest));
        }
        Err(Error::user(format!("`{name}` is given out by somebody else, so a new one cannot be made here"))
            .hint(format!("get a new one there, then: helm iris secrets set {name} -n {}", manifest.namespace))
            .hint("the next `helm iris install` puts it to use"))
    };
    args.names.iter().map(one).collect()
}

/// Whether a new value can be made here, and put to use by us alone.
fn can_be_replaced(secret: &SecretEntry) -> bool {
    secret.kind.can_be_made() && secret.elsewhere.is_empty()
}

/// A new value would hold nowhere until somebody else does their part: the way goes over a value that is brought.
fn held_elsewhere(secret: &SecretEntry, manifest: &Manifest) -> Error {
    let (SecretEntry { name, elsewhere, .. }, Manifest { chart, namespace, .. }) = (secret, manifest);
    Error::user(format!("`{name}` is not ours alone to replace"))
        .because("what checks it is run by somebody else, and would refuse a new one")
        .hint(format!("bring a new one: helm iris secrets set {name} -n {namespace}"))
        .hint(format!("then helm iris install {chart} -n {namespace}: it stops where the new one is refused"))
        .hint(format!("then {elsewhere}"))
        .hint("then the same installation again, which finishes it; nobody is locked out meanwhile")
}

/// Which secrets `--all` does not mean.
fn tell_left_out(manifest: &Manifest, ui: &Ui) {
    let held = manifest.secrets.iter().filter(|secret| secret.kind.can_be_made() && !can_be_replaced(secret));
    for SecretEntry { name, .. } in held {
        ui.warning(&format!("not replaced, because somebody else checks it: {name}"));
        ui.hint(&format!("how it is done: helm iris secrets rotate {name} -n {}", manifest.namespace));
    }
    let brought = manifest.secrets.iter().filter(|secret| !secret.kind.can_be_made());
    let names: Vec<&str> = brought.map(|secret| secret.name.as_str()).collect();
    if !names.is_empty() {
        ui.warning(&format!("not replaced, because somebody else gives them out: {}", names.join(", ")));
        ui.hint(&format!("get new ones there, then for each: helm iris secrets set NAME -n {}", manifest.namespace));
    }
}

async fn rotate(
    args: &RotateArgs,
    reviewed: Reviewed,
    chosen: &[SecretEntry],
    (global, environment): (&GlobalArgs, &Environment),
    ui: &Ui,
) -> Result<Outcome> {
    let cluster = global.connection(environment).open().await?;
    let mut session = Session::open(reviewed, cluster, environment).await?;
    let before = session.reconcile()?;
    let pending = |secret: &&SecretEntry| is_pending(&session, &before.ledger, secret);
    let untouched: Vec<&str> =
        chosen.iter().filter(|secret| !pending(secret)).map(|secret| secret.name.as_str()).collect();
    let unfinished = is_unfinished(&session, &before)?;
    let (secrets, plan) = if unfinished {
        ui.warning(
            "a replacement that was begun earlier is not in use everywhere: this finishes it, and makes nothing new",
        );
        let plan = session.plan(&before, false)?;
        (before, plan)
    } else {
        session.reviewed.ledger = replaced(&before.ledger, chosen)?;
        let secrets = session.reconcile()?;
        let plan = session.plan(&secrets, false)?;
        (secrets, plan)
    };
    let Some(agreed) = session.agreed(&plan, &secrets, environment, ui).await? else {
        return Ok(Outcome::Declined);
    };
    // On this machine first: from here on the same command, or an installation, finishes what this begins.
    session.reviewed.remember(ui)?;
    session.reviewed.name_secrets(&secrets.ledger, ui)?;
    session.apply(&plan, &secrets, &agreed, Level::Ready, ui).await?;
    ui.status("");
    ui.status("The new values are in use.");
    tell_others(&session, chosen, ui);
    history(args, &session, ui).await?;
    if unfinished && !untouched.is_empty() {
        return Err(Error::user(format!("not replaced: {}", untouched.join(", ")))
            .because("first something had to be finished that was begun earlier; that is done")
            .hint("run the same command again"));
    }
    Ok(Outcome::Done)
}

/// Whether a secret was replaced, and something still has a value from before.
fn is_pending(session: &Session, ledger: &Ledger, secret: &SecretEntry) -> bool {
    let Session { observed, reviewed, .. } = session;
    let in_ledger = observed.ledger.as_ref().and_then(|stored| stored.ledger.value(&secret.name));
    let held = plan::held(secret, reviewed.bundle.manifest(), observed);
    let mut old = held.into_iter().chain(in_ledger.cloned());
    old.any(|value| ledger.has_replaced(&secret.name, &value))
}

/// Whether values were replaced that are not all in use yet. Other changes must be applied first, so that
/// a rotation is nothing but a rotation.
fn is_unfinished(session: &Session, secrets: &Reconciled) -> Result<bool> {
    let manifest = session.reviewed.bundle.manifest();
    let Manifest { chart, namespace, .. } = manifest;
    let folder = session.reviewed.bundle.folder().display();
    let install = format!("helm iris install {chart} --bundle {folder}");
    if session.observed.ledger.is_none() {
        return Err(Error::user(format!("no hub with a ledger is installed in {namespace}"))
            .because(format!("there is none in {}", session.cluster.label()))
            .hint(format!("install it: {install}"))
            .hint(format!("or take over one that was made by hand: helm iris secrets adopt {chart} -n {namespace}")));
    }
    let plan = session.plan(secrets, false)?;
    if plan.is_empty() || plan.replaces_secrets_only(manifest) {
        return Ok(!plan.is_empty());
    }
    Err(Error::user("the hub is not as its bundle says, so more than secrets would change")
        .because(format!("the bundle is {folder}"))
        .hint(format!("look at what would change, and apply it first: {install}")))
}

/// The ledger with new values for the chosen secrets.
fn replaced(ledger: &Ledger, chosen: &[SecretEntry]) -> Result<Ledger> {
    let mut ledger = ledger.clone();
    for secret in chosen {
        ledger.replace(&secret.need(), Source::Generated, secret.kind.generate()?);
    }
    Ok(ledger)
}

/// Who has to do something now.
fn tell_others(session: &Session, chosen: &[SecretEntry], ui: &Ui) {
    let namespace = &session.reviewed.bundle.manifest().namespace;
    let ledger = &session.reviewed.ledger;
    let behind = |name: &String| {
        let there = session.observed.found.iter().find(|found| found.name == *name && found.ledger.is_some());
        there.is_some_and(|there| Some(&there.value) != ledger.value(name))
    };
    let shared = chosen.iter().filter_map(|secret| Some((&secret.name, secret.shared_with.as_ref()?)));
    for (name, other) in shared.filter(|(name, _)| behind(name)) {
        ui.warning(&format!("{name} is needed in the namespace {other} too, and is refused until it has the new one"));
        ui.hint(&format!(
            "have its operator run there, for the chart that is installed there: helm iris install CHART -n {other}"
        ));
    }
    for secret in chosen.iter().filter(|secret| secret.name.starts_with("login-")) {
        ui.hint(&format!("to tell people: helm iris secrets show {} --reveal -n {namespace}", secret.name));
    }
}

/// What Helm keeps of the values before.
async fn history(args: &RotateArgs, session: &Session, ui: &Ui) -> Result<()> {
    let manifest = session.reviewed.bundle.manifest();
    let releases: Vec<_> = manifest.releases.iter().filter(|release| release.scope == Scope::Hub).collect();
    let old = apply::old_revisions(&session.cluster, &releases).await?;
    let namespace = &manifest.namespace;
    if old.is_empty() {
        return Ok(());
    }
    ui.warning(&format!(
        "Helm keeps {} older revision{} with the old values, for `helm rollback`: who may read Secrets in {namespace} can read them",
        old.len(),
        if old.len() == 1 { "" } else { "s" },
    ));
    if args.prune_history || (!args.yes && ui.confirm("Remove them? Rolling back to them is impossible then.")?) {
        apply::prune(&session.cluster, &old).await?;
        ui.status("They are removed.");
    } else {
        ui.hint(&format!("to remove them later: {}", plan::prune_command(manifest)));
    }
    Ok(())
}
