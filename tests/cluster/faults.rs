//! A network and an API server of which one request in ten fails: most installations succeed without help,
//! the others end with a clear error, and a clean run after them ends well.

use super::gate::{Gate, Rule, What};
use super::{Hub, Testbed, soak};

/// Installations of the short form; `scripts/soak.sh` makes a hundred.
const SHORT: usize = 3;
/// Of a hundred.
const LEAST: usize = 80;
const SEED: u64 = 20_261_122;

#[test]
fn most_installations_bear_one_fault_in_ten_requests() {
    let Some(testbed) = Testbed::take() else { return };
    let (installs, seed) = soak(SHORT, SEED);
    let (mut well, mut requests, mut faults) = (0, 0, 0);
    for number in 0..installs {
        let (word, helm) = &testbed.helms()[number % 2];
        let mut hub = testbed.hub(&format!("fault{number}-{word}"), helm);
        assert_eq!(hub.run(&["charts", "pull", "daskhub"]).code, Some(0));
        let what = What::Faults(seed.wrapping_add((number as u64) << 32));
        let gate = Gate::open(&testbed.kubeconfig, Rule { method: "", path: "", first: usize::MAX, what });
        hub.kubeconfig = gate.kubeconfig(&hub);
        let run = hub.run(&["install", "daskhub", "--yes"]);
        let (came, met) = gate.faults();
        (requests, faults) = (requests + came, faults + met);
        hub.kubeconfig.clone_from(&testbed.kubeconfig);
        eprintln!("install {number} with {word}: {came} requests, {met} faults, exit code {:?}", run.code);
        if run.code == Some(0) {
            well += 1;
        } else {
            assert!(run.code == Some(1) && run.stderr.contains("error: ") && run.stderr.contains("hint: "), "{run}");
            eprintln!("{}", run.stderr);
        }
        ends_well(&hub);
    }
    eprintln!("seed {seed}: {well} of {installs} without help; {faults} of {requests} requests met a fault");
    assert!(faults * 20 > requests, "the control: faults came");
    assert!(well * 100 >= installs * LEAST, "{well} of {installs}");
}

/// A clean run finishes, keeps every secret, and the one after it has nothing to do.
fn ends_well(hub: &Hub<'_>) {
    let before = hub.env.secrets();
    hub.install(&[]);
    let after = hub.env.secrets();
    assert!(before.iter().all(|(name, value)| after.get(name) == Some(value)), "a secret was lost");
    assert!(hub.install(&[]).stderr.contains("Nothing to change"));
}
