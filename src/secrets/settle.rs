//! Which value of one secret holds, where several places know it.

use super::reconcile::{Sources, all_names};
use super::{Entry, Ledger, Need, Source};
use crate::problem::{Problem, did_you_mean};
use crate::redact::Secret;

/// What names the ledger in the cluster where a person decides.
const IN_CLUSTER: &str = "cluster";
/// What names the store of this machine.
const HERE: &str = "here";

/// How a secret's value was decided.
#[derive(Clone, Copy)]
pub(super) enum How {
    AsItWas,
    New,
    Given,
    Adopted,
    FromCluster,
    Restored,
    Replaced,
    /// Of no use to anything.
    Unused,
}

pub(super) struct Settled {
    pub(super) entry: Entry,
    pub(super) how: How,
}

/// Why a secret is not decided; what is told first stands last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// No place knows it.
    Unknown,
    /// A person decided for what is not there.
    NoSuchPlace,
    /// Places know different ones.
    Differs,
}

/// A secret that is not decided.
pub(super) type Unsettled = (Why, Problem);

/// One place's word on a secret.
struct Side<'s> {
    place: &'s str,
    value: &'s Secret,
    /// The ledger that it stands in; none for a chart's own Secret.
    ledger: Option<&'s Ledger>,
}

impl Side<'_> {
    fn origin(&self, sources: &Sources<'_>) -> String {
        match self.place {
            IN_CLUSTER => "the ledger in the cluster".to_owned(),
            HERE => sources.local_path.to_owned(),
            place => origin(place),
        }
    }
}

/// Another hub's ledger, for people.
pub fn ledger_of(namespace: &str) -> String {
    format!("the ledger of namespace {namespace}")
}

fn origin(place: &str) -> String {
    // No Secret's name has a slash.
    if let Some((namespace, _)) = place.split_once('/') {
        return ledger_of(namespace);
    }
    let mut parts = place.splitn(3, ':');
    let words = ["Secret", "key", "value"].map(|word| parts.next().map(|part| format!("{word} {part}")));
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn sides<'s>(sources: &Sources<'s>, name: &str) -> Vec<Side<'s>> {
    let entry = |ledger: &'s Ledger| ledger.entries.get(name);
    let mut sides = Vec::new();
    if let Some(ledger) = sources.cluster
        && let Some(entry) = entry(ledger)
    {
        sides.push(Side { place: IN_CLUSTER, value: &entry.value, ledger: Some(ledger) });
    }
    let found = sources.found.iter().filter(|found| found.name == name);
    sides.extend(found.map(|found| Side { place: &found.place, value: &found.value, ledger: found.ledger.as_deref() }));
    if let Some(entry) = entry(sources.local).filter(|entry| !entry.provisional) {
        sides.push(Side { place: HERE, value: &entry.value, ledger: Some(sources.local) });
    }
    sides
}

/// The value that holds: the one that all agree on, that a person chose, or that a ledger knows to
/// have replaced all others.
fn winner<'s, 'a>(sources: &Sources<'_>, name: &str, sides: &'a [Side<'s>]) -> Result<Option<&'a Side<'s>>, Unsettled> {
    if let Some(place) = sources.take.get(name) {
        let chosen = sides.iter().find(|side| side.place == place);
        return chosen.map(Some).ok_or_else(|| (Why::NoSuchPlace, no_such_place(name, place, sides)));
    }
    let replaces_all = |side: &&Side<'_>| {
        sides.iter().all(|other| {
            other.value == side.value
                || sides.iter().any(|witness| {
                    witness.value == side.value
                        && witness.ledger.is_some_and(|ledger| ledger.has_replaced(name, other.value))
                })
        })
    };
    match sides.iter().find(replaces_all) {
        None if !sides.is_empty() => Err((Why::Differs, difference(sources, name, sides))),
        found => Ok(found),
    }
}

pub(super) fn settle(
    sources: &Sources<'_>,
    ledger: &Ledger,
    name: &str,
    need: Option<&Need>,
) -> Result<Settled, Unsettled> {
    let in_cluster = sources.cluster.and_then(|ledger| ledger.entries.get(name));
    let here = sources.local.entries.get(name);
    let sides = sides(sources, name);
    let (mut entry, how) = match (winner(sources, name, &sides)?, here) {
        (Some(side), _) => held(ledger, name, need, side, &sides, (in_cluster, here)),
        // What was made here and no bundle of this hub uses need not be kept anywhere.
        (None, Some(here)) if need.is_none() => (here.clone(), How::Unused),
        (None, Some(here)) => (here.clone(), How::New),
        (None, None) => return Err((Why::Unknown, unknown(sources, name, need))),
    };
    if let Some(need) = need {
        entry.describe(need);
        entry.provisional = false;
        // What is in use, not what was last thought of: several may have been brought since.
        let in_use = sides.iter().find(|side| side.ledger.is_none() && *side.value != entry.value);
        if let Some(side) = in_use.filter(|_| need.keeps_previous) {
            entry.previous = Some(side.value.clone());
        }
    }
    Ok(Settled { entry, how })
}

/// The entry with the value that holds, and how it came to hold.
fn held(
    ledger: &Ledger,
    name: &str,
    need: Option<&Need>,
    side: &Side<'_>,
    sides: &[Side<'_>],
    (in_cluster, here): (Option<&Entry>, Option<&Entry>),
) -> (Entry, How) {
    let holds = |entry: &&Entry| entry.value == *side.value;
    let differs = sides.iter().any(|other| other.value != side.value && other.place != HERE);
    if let Some(entry) = in_cluster.filter(holds) {
        let how = if here.is_some_and(|here| holds(&here)) { How::AsItWas } else { How::FromCluster };
        return (entry.clone(), how);
    }
    let (entry, how) = match here.filter(|here| holds(here) && !here.provisional) {
        Some(here) if differs => (here.clone(), How::Replaced),
        Some(here) if here.source == Source::Given && sides.len() == 1 => (here.clone(), How::Given),
        Some(here) => (here.clone(), How::Restored),
        None => (adopted(name, need, here, side), How::Adopted),
    };
    (with_history(ledger, name, entry, in_cluster, sides), how)
}

/// The fingerprints of all values that an entry replaces, under the key of the ledger that will hold it.
fn with_history(ledger: &Ledger, name: &str, entry: Entry, before: Option<&Entry>, sides: &[Side<'_>]) -> Entry {
    let known = before.or_else(|| ledger.entries.get(name)).into_iter().flat_map(|entry| entry.superseded.clone());
    let others = sides.iter().filter(|other| *other.value != entry.value);
    let mut superseded: Vec<String> = known.collect();
    for fingerprint in others.map(|other| ledger.fingerprint(other.value)) {
        if !superseded.contains(&fingerprint) {
            superseded.push(fingerprint);
        }
    }
    Entry { superseded, ..entry }
}

fn adopted(name: &str, need: Option<&Need>, here: Option<&Entry>, side: &Side<'_>) -> Entry {
    let described =
        Need { name: name.to_owned(), kind: here.map(|here| here.kind).unwrap_or_default(), ..Need::default() };
    let source = Source::Adopted(origin(side.place));
    Entry { provisional: false, ..Entry::new(need.unwrap_or(&described), source, side.value.clone()) }
}

fn decide(sources: &Sources<'_>, name: &str, place: &str) -> String {
    format!("helm iris secrets adopt {} -n {} --take {name}={place}", sources.chart, sources.namespace)
}

fn difference(sources: &Sources<'_>, name: &str, sides: &[Side<'_>]) -> Problem {
    // One key for all, so that equal ones look equal.
    let key = sources.cluster.unwrap_or(sources.local);
    let shown: Vec<_> = sides
        .iter()
        .map(|side| format!("{} in {} (`{}`)", key.fingerprint(side.value), side.origin(sources), side.place))
        .collect();
    // What the hub itself says is what it uses.
    let first = sides.iter().find(|side| side.place.starts_with("hub:")).unwrap_or(&sides[0]);
    let fix = format!("decide which holds, e.g.: {}", decide(sources, name, first.place));
    Problem::error(format!("secret {name}"), None, format!("fingerprints differ: {}", shown.join("; "))).fix(fix)
}

fn no_such_place(name: &str, place: &str, sides: &[Side<'_>]) -> Problem {
    let there: Vec<&str> = sides.iter().map(|side| side.place).collect();
    let message = format!("`{place}` has no such secret");
    let fix = if there.is_empty() { "no place has it".to_owned() } else { format!("it is in: {}", there.join(", ")) };
    Problem::error(format!("secret {name}"), None, message).fix(fix)
}

pub(super) fn unknown_decisions(sources: &Sources<'_>) -> Vec<Problem> {
    let names = all_names(sources);
    let unknown = sources.take.keys().filter(|name| !names.contains_key(*name));
    unknown
        .map(|name| {
            let like = did_you_mean(name, names.keys().map(String::as_str));
            let fix = like.map_or_else(
                || format!("helm iris secrets list -n {}", sources.namespace),
                |like| format!("did you mean `{like}`?"),
            );
            Problem::error(format!("secret {name}"), None, "this hub has no such secret").fix(fix)
        })
        .collect()
}

fn unknown(sources: &Sources<'_>, name: &str, need: Option<&Need>) -> Problem {
    let given = need.is_some_and(|need| !need.kind.can_be_made());
    let fix = if given {
        format!("bring it: helm iris secrets set {name} -n {}", sources.namespace)
    } else {
        format!("render the bundle again, so that {} gets it", sources.local_path)
    };
    Problem::error(format!("secret {name}"), None, "no place knows it").fix(fix)
}
