//! `helm iris secrets set`: a secret of a person's own goes into the ledger, unseen.

use std::path::{Path, PathBuf};

use clap::Args;

use super::StoreArgs;
use crate::cli::Environment;
use crate::commands::store;
use crate::error::{Error, Result};
use crate::fs;
use crate::library::{Library, require_name};
use crate::load;
use crate::problem::{Problem, is_slip};
use crate::redact::Secret;
use crate::secrets::{Entry, Ledger, LocalStore, Need, SecretKind, Source, weaknesses};
use crate::site::Site;
use crate::ui::Ui;

/// The longest secret there is: a Kubernetes Secret holds no more than a mebibyte of them in all.
const MAX_SECRET: u64 = 64 * 1024;

/// Arguments of `secrets set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// Its name, e.g. github-client-secret
    pub name: String,
    /// Read it from this file; unset: from standard input, or asked for without showing it
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub from_file: Option<PathBuf>,
    /// Which hub's.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Sets a secret.
pub(super) fn run(args: &SetArgs, store: &LocalStore, environment: &Environment, ui: &Ui) -> Result<()> {
    let SetArgs { name, from_file, store: StoreArgs { site_file } } = args;
    require_name("secret", name)?;
    let site = Site::load(site_file.as_deref())?;
    let library =
        Library::new([Some(site.folder.clone()), environment.config_folder.clone()].into_iter().flatten().collect());
    let _alone = store::hold(store, ui)?;
    let mut ledger = match store.read()? {
        Some(ledger) => ledger,
        None => Ledger::create()?,
    };
    let need = need(&library, &ledger, name)?;
    let value = read(name, from_file.as_deref(), ui)?;
    check(&need, &value, &ledger)?;
    let before = ledger.entries.get(name).filter(|entry| !entry.provisional).cloned();
    ledger.replace(&need, Source::Given, value);
    store::agree_to_write(store, &ledger, ui)?;
    store.write_if_changed(&ledger)?;
    tell(&need, before.as_ref(), &ledger, store, ui);
    Ok(())
}

/// What is known about a secret of this name: from the charts, from the ledger, or nothing yet.
fn need(library: &Library, ledger: &Ledger, name: &str) -> Result<Need> {
    let of_charts = load::all_needs(library)?;
    if let Some(need) = of_charts.iter().find(|need| need.name == name) {
        return Ok(need.clone());
    }
    let purpose = "brought by a person".to_owned();
    let fresh = || Need { name: name.to_owned(), kind: SecretKind::Text, purpose: purpose.clone(), ..Need::default() };
    if let Some(Entry { kind, purpose, fills, .. }) = ledger.entries.get(name) {
        return Ok(Need { kind: *kind, purpose: purpose.clone(), fills: fills.clone(), ..fresh() });
    }
    // A new name is a person's own; one that is nearly a chart's is more likely a slip.
    match of_charts.iter().map(|need| need.name.as_str()).find(|known| is_slip(name, known)) {
        Some(like) => Err(Error::usage(format!("there is no secret `{name}` yet, and there is `{like}`"))
            .hint(format!("did you mean `{like}`? If not, choose a name that differs more"))),
        None => Ok(fresh()),
    }
}

fn read(name: &str, file: Option<&Path>, ui: &Ui) -> Result<Secret> {
    let bytes = match file {
        Some(file) => fs::read_limited(file, MAX_SECRET)?,
        None => ui.read_secret(&format!("{name} (not shown): "), MAX_SECRET)?,
    };
    let text = String::from_utf8(bytes).map_err(|_| {
        Error::user(format!("what was given for `{name}` is not text"))
            .because("a secret goes into values files, which are UTF-8")
            .hint("give it in its text form, e.g. PEM or base64")
    })?;
    // Files and pipes end their lines; a key in PEM form must keep its end.
    let line = text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text));
    let text = match line {
        Some(line) if !line.contains('\n') => line.to_owned(),
        _ => text,
    };
    if text.is_empty() {
        return Err(Error::user(format!("nothing was given for `{name}`"))
            .hint("pipe it in, e.g.: pass show hub/client-secret | helm iris secrets set NAME -n NAMESPACE")
            .hint("or name a file: --from-file FILE"));
    }
    Ok(Secret::new(text))
}

fn check(need: &Need, value: &Secret, ledger: &Ledger) -> Result<()> {
    let place = format!("secret {}", need.name);
    let problems: Vec<_> = weaknesses(need, value, ledger)
        .into_iter()
        .map(|weak| Problem::error(place.clone(), None, format!("it {}", weak.what)).fix(weak.fix))
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::problems("the ledger was not changed", problems)) }
}

fn tell(need: &Need, before: Option<&Entry>, ledger: &Ledger, store: &LocalStore, ui: &Ui) {
    let name = &need.name;
    let Some(entry) = ledger.entries.get(name) else { return };
    let fingerprint = ledger.fingerprint(&entry.value);
    if before.is_some_and(|before| before.value == entry.value) {
        ui.status(&format!("{name} is that already (fingerprint {fingerprint})."));
        return;
    }
    ui.status(&format!("{name} is kept in {} (fingerprint {fingerprint}).", store.path().display()));
    if before.is_some() {
        ui.status("A hub that uses the one before gets it with the next `helm iris install`:");
        ui.status(&format!("  {}", if need.replacing.is_empty() { "what uses it restarts" } else { &need.replacing }));
    }
    if need.fills.is_empty() && need.kind == SecretKind::Text {
        ui.hint(&format!("name it where its value belongs, in `values:` of the site file: {{secret: {name}}}"));
    }
}
