//! A network and an API server of which one request in ten fails: most installations succeed without help,
//! the others end with a clear error, and a clean run after them ends well.

use std::collections::BTreeMap;

use super::gate::{Fault, Gate, Rule, What};
use super::{Hub, Testbed, report, soak};

/// Installations of the short form; `scripts/soak.sh` makes a hundred.
const SHORT: usize = 3;
/// Of a hundred.
const LEAST: usize = 80;
const SEED: u64 = 20_261_122;
const WELL: &str = "success, without help";

#[test]
fn most_installations_bear_one_fault_in_ten_requests() {
    let Some(testbed) = Testbed::take() else { return };
    let (installs, seed) = soak(SHORT, SEED);
    let mut outcomes: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let (mut requests, mut faults) = (0, BTreeMap::<Fault, usize>::new());
    for number in 0..installs {
        let (word, helm) = &testbed.helms()[number % 2];
        let mut hub = testbed.hub(&format!("fault{number}-{word}"), helm);
        assert_eq!(hub.run(&["charts", "pull", "daskhub"]).code, Some(0));
        let what = What::Faults(seed.wrapping_add((number as u64) << 32));
        let gate = Gate::open(&testbed.kubeconfig, Rule { method: "", path: "", first: usize::MAX, what });
        hub.kubeconfig = gate.kubeconfig(&hub);
        let run = hub.run(&["install", "daskhub", "--yes"]);
        let (came, met) = gate.faults();
        requests += came;
        for (fault, count) in &met {
            *faults.entry(*fault).or_default() += count;
        }
        hub.kubeconfig.clone_from(&testbed.kubeconfig);
        let met: usize = met.values().sum();
        eprintln!("install {} with {word}: {came} requests, {met} faults, exit code {:?}", number + 1, run.code);
        let outcome = if run.code == Some(0) { WELL } else { "a clear error, and a clean run ended well" };
        *outcomes.entry((outcome, word)).or_default() += 1;
        if run.code != Some(0) {
            assert!(run.code == Some(1) && run.stderr.contains("error: ") && run.stderr.contains("hint: "), "{run}");
            eprintln!("{}", run.stderr);
        }
        ends_well(&hub);
    }
    let well: usize = outcomes.iter().filter(|((outcome, _), _)| *outcome == WELL).map(|(_, count)| count).sum();
    let all: usize = faults.values().sum();
    eprintln!("seed {seed}: {well} of {installs} without help; {all} of {requests} requests met a fault");
    let table = table(&outcomes, requests, &faults);
    eprintln!("{}", table.join("\n"));
    report(&table);
    assert!(all * 20 > requests, "the control: faults came");
    assert!(installs < 20 || Fault::ALL.iter().all(|fault| faults.contains_key(fault)), "of every kind: {faults:?}");
    // One of a few is more than a fifth of them, and proves nothing.
    let spared = usize::from(installs < 20);
    assert!((well + spared) * 100 >= installs * LEAST, "{well} of {installs}");
}

/// The outcomes, and what was met, in Markdown.
fn table(outcomes: &BTreeMap<(&str, &str), usize>, requests: usize, faults: &BTreeMap<Fault, usize>) -> Vec<String> {
    let mut lines = vec!["| Ended with | Helm | Installs |".to_owned(), "|---|---|---:|".to_owned()];
    let row = |((outcome, word), count): (&(&str, &str), &usize)| {
        format!("| {outcome} | {} | {count} |", word.replace('h', "Helm "))
    };
    lines.extend(outcomes.iter().map(row));
    lines.extend(["", "| Fault | Requests |", "|---|---:|"].map(str::to_owned));
    let words = Fault::ALL.iter().map(|fault| (fault.to_string(), faults.get(fault).copied().unwrap_or_default()));
    let none = ("none".to_owned(), requests - faults.values().sum::<usize>());
    lines.extend(words.chain([none]).map(|(word, count)| format!("| {word} | {count} |")));
    lines
}

/// A clean run finishes, keeps every secret, and the one after it has nothing to do.
fn ends_well(hub: &Hub<'_>) {
    let before = hub.env.secrets();
    hub.install(&[]);
    let after = hub.env.secrets();
    assert!(before.iter().all(|(name, value)| after.get(name) == Some(value)), "a secret was lost");
    assert!(hub.install(&[]).stderr.contains("Nothing to change"));
}
