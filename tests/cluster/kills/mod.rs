//! Killed anywhere, run again: the same command finishes, and leaves what an undisturbed run leaves.
//!
//! A hub is installed, upgraded, uninstalled, brought back, and so on, and in each of these killed a few times
//! before it may finish. Where a kill comes is no accident: a guard at the gate before the API server knows what
//! each request means, holds one of the phase that has had the fewest kills, and the processes die there. Which
//! request of that phase it is, and whether the API server has done it, is by the seed.

mod footprint;
mod journey;
mod tally;
mod trap;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::{Pid, Signal, kill_process_group};

use self::footprint::Footprint;
use self::journey::{Phase, Release, Verb};
use self::tally::{Kill, Killed, Tally};
use self::trap::{Aim, Moment, Trap};
use super::gate::{Gate, Rule, What};
use super::{Hub, Testbed, soak};

/// Kills of the short form; `scripts/soak.sh` makes two hundred.
const SHORT: usize = 10;
const SEED: u64 = 20_261_123;
/// The most kills before a run may finish; an installation has the longest way.
const IN_A_ROW: usize = 3;
const IN_A_ROW_OF_INSTALLS: usize = 5;
/// What the upgrade changes: something of both releases.
const CHANGED: [&str; 4] =
    ["--set", "users.idleTimeout=7200", "--set", "values.postgresql.resources.requests.cpu=123m"];
/// How long the files of a bundle take to be written, about.
const WRITING: Duration = Duration::from_millis(4);
/// How often a kill is tried that has to come while they are written.
const TRIES: u32 = 30;
/// Every run ends within this time.
const LONGEST: Duration = Duration::from_mins(3);

/// A hub that is killed again and again.
struct Victim<'t> {
    hub: Hub<'t>,
    word: &'static str,
    gate: Gate,
    trap: Arc<Trap>,
    /// The kubeconfig that leads through the gate.
    watched: PathBuf,
    chance: StdRng,
    /// Held for reading while what all hubs share has to stay as it is, for writing while it is made anew.
    shared: &'t RwLock<()>,
    /// What an undisturbed run leaves.
    undisturbed: BTreeMap<Verb, Footprint>,
    /// How many requests an undisturbed run has in each phase.
    requests: BTreeMap<Verb, BTreeMap<Phase, usize>>,
    /// What has been seen of these since the hub was new.
    secrets: BTreeMap<String, String>,
    volumes: BTreeMap<String, String>,
}

impl<'t> Victim<'t> {
    fn new(testbed: &'t Testbed, (word, helm): (&'static str, &Path), seed: u64, shared: &'t RwLock<()>) -> Self {
        let hub = testbed.hub(&format!("kills-{word}"), helm);
        let trap = Arc::new(Trap::new(hub.env.root()));
        let rule = Rule { method: "", path: "", first: usize::MAX, what: What::Guard(trap.clone()) };
        let gate = Gate::open(&hub.kubeconfig, rule);
        let watched = gate.kubeconfig(&hub);
        let chance = StdRng::seed_from_u64(seed);
        let (undisturbed, requests) = (BTreeMap::new(), BTreeMap::new());
        let (secrets, volumes) = (BTreeMap::new(), BTreeMap::new());
        Self { hub, word, gate, trap, watched, chance, shared, undisturbed, requests, secrets, volumes }
    }

    fn arguments(&self, verb: Verb) -> Vec<String> {
        let words: &[&str] = match verb {
            Verb::Install => &["install", "daskhub", "--yes"],
            Verb::Return => &["install", "daskhub", "--yes", "--reattach", &self.hub.file()],
            Verb::Upgrade => &["install", "daskhub", "--yes", CHANGED[0], CHANGED[1], CHANGED[2], CHANGED[3]],
            Verb::Uninstall => &["uninstall", "daskhub", "--yes"],
        };
        words.iter().map(ToString::to_string).collect()
    }

    /// Starts a run through the gate, in a process group of its own.
    fn start(&self, verb: Verb, aim: Option<Aim>) -> Child {
        self.trap.set(verb, aim);
        let arguments = self.arguments(verb);
        let mut command = self.hub.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        command.env("KUBECONFIG", &self.watched).process_group(0).stdout(Stdio::null());
        command.stderr(File::create(self.said_path()).unwrap()).spawn().unwrap()
    }

    fn said_path(&self) -> PathBuf {
        self.hub.env.root().join("said")
    }

    /// A run that nobody disturbs ends well.
    fn assert_ended_well(&self, verb: Verb, mut ours: Child) {
        let status = ours.wait().unwrap();
        let said = self.hub.env.filter(&std::fs::read_to_string(self.said_path()).unwrap());
        assert!(status.success(), "{} {verb}: {status}\n{said}", self.word);
    }

    /// What every verb leaves, and how long its way is.
    fn look_at_undisturbed_runs(&mut self) {
        for verb in [Verb::Install, Verb::Upgrade, Verb::Uninstall, Verb::Return] {
            let _alone = self.holds_shared(verb);
            self.prepare(verb);
            let ours = self.start(verb, None);
            self.assert_ended_well(verb, ours);
            self.requests.insert(verb, self.trap.seen());
            self.undisturbed.insert(verb, self.hub.footprint());
            self.remember();
            if verb == Verb::Install {
                self.hub.server_of("anna");
            }
        }
        eprintln!("{}: requests of undisturbed runs: {:?}", self.word, self.requests);
    }

    /// Installs begin on a cluster without a StorageClass, and no other hub may need one meanwhile.
    fn holds_shared(&self, verb: Verb) -> (Option<RwLockReadGuard<'t, ()>>, Option<RwLockWriteGuard<'t, ()>>) {
        match verb {
            Verb::Install => (None, Some(self.shared.write().unwrap())),
            Verb::Return | Verb::Upgrade | Verb::Uninstall => (Some(self.shared.read().unwrap()), None),
        }
    }

    /// What has to be gone before a run.
    fn prepare(&mut self, verb: Verb) {
        match verb {
            Verb::Install => {
                self.hub.delete_namespace();
                self.hub.forget_volumes();
                self.hub.testbed.reset();
                for folder in [".helm-iris", &self.hub.namespace] {
                    drop(std::fs::remove_dir_all(self.hub.env.path(folder)));
                }
                drop(std::fs::remove_file(self.hub.env.path(&self.hub.file())));
                self.secrets.clear();
                self.volumes.clear();
            }
            Verb::Return => self.hub.delete_namespace(),
            // The file that brought the volumes back has served.
            Verb::Upgrade => drop(std::fs::remove_file(self.hub.env.path(&self.hub.file()))),
            Verb::Uninstall => {}
        }
    }

    /// No secret becomes another one, and no claim gets another volume.
    fn remember(&mut self) {
        let mut secrets = self.hub.env.secrets();
        if self.hub.api().get(&self.hub.core("secrets/helm-iris-ledger")).is_some() {
            let ledger: serde_json::Value =
                serde_yaml::from_str(&self.hub.data("helm-iris-ledger")["ledger.yaml"]).unwrap();
            for (name, entry) in ledger["secrets"].as_object().unwrap() {
                let value = entry["value"].as_str().unwrap().to_owned();
                let here = secrets.entry(name.clone()).or_insert_with(|| value.clone());
                assert!(*here == value, "{name} is another one here and in the cluster");
            }
        }
        for (what, now, before) in
            [("secret", secrets, &mut self.secrets), ("volume of the claim", self.hub.volumes(), &mut self.volumes)]
        {
            for (name, value) in now.into_iter().filter(|(_, value)| !value.is_empty()) {
                let there = before.entry(name.clone()).or_insert_with(|| value.clone());
                assert!(*there == value, "the {what} {name} is another one than before");
            }
        }
    }

    /// Where the next kill of a run is wanted that has been killed before at `after`.
    fn aim(&mut self, verb: Verb, after: Option<Phase>, tally: &Tally) -> Option<Aim> {
        let requests = &self.requests[&verb];
        let is_ahead = |phase: &Phase| {
            let rank = phase.rank(verb);
            rank == 0 || after.is_none_or(|after| rank >= after.rank(verb))
        };
        let files = (verb != Verb::Uninstall).then_some(Phase::BundleFiles);
        let verbs = |phase| match phase {
            Phase::BundleFiles => 3,
            _ => self.requests.values().filter(|requests| requests.contains_key(&phase)).count(),
        };
        let phases = requests.keys().copied().chain(files).filter(is_ahead).map(|phase| (phase, verbs(phase)));
        let phase = tally.wanted((verb, self.word), phases, &mut self.chance)?;
        let request = requests.get(&phase).map_or(0, |count| self.chance.random_range(0..*count));
        let moment = match self.chance.random_range(0..5) {
            0 | 1 => Moment::Asked,
            2 | 3 => Moment::Done,
            _ => Moment::Answered(Duration::from_millis(self.chance.random_range(0..60))),
        };
        Some(Aim { phase, request, moment })
    }

    /// Starts a run and kills it at its aim; tells where it was, or nothing if it ended before that.
    fn killed(&mut self, verb: Verb, aim: Aim, what: Killed) -> Option<Phase> {
        if aim.phase == Phase::BundleFiles {
            return self.killed_while_writing(verb, what);
        }
        let start = Instant::now();
        let mut ours = self.start(verb, Some(aim));
        while !self.trap.has_caught(Duration::from_millis(20)) {
            if ours.try_wait().unwrap().is_some() {
                self.assert_ended_well(verb, ours);
                return None;
            }
            assert!(start.elapsed() < LONGEST, "{} {verb} does not end", self.word);
        }
        if let Moment::Answered(later) = aim.moment {
            std::thread::sleep(later);
            if ours.try_wait().unwrap().is_some() {
                self.assert_ended_well(verb, ours);
                return None;
            }
        }
        let phase = self.trap.phase();
        self.kill(ours, what);
        Some(phase)
    }

    /// As [`Self::killed`], while the bundle's files are replaced: between the first and the last rename.
    fn killed_while_writing(&mut self, verb: Verb, what: Killed) -> Option<Phase> {
        let next = self.hub.env.path(&self.hub.namespace).join("bundle.next.yaml");
        let made = || std::fs::metadata(&next).ok().map(|meta| (meta.ino(), meta.mtime_nsec()));
        for _ in 0..TRIES {
            let later = WRITING.mul_f64(self.chance.random());
            // One that was killed so before has left its own.
            let before = made();
            let is_begun = || made().is_some_and(|made| Some(made) != before);
            let mut ours = self.start(verb, None);
            while !is_begun() && ours.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_micros(50));
            }
            let seen = Instant::now();
            while seen.elapsed() < later {
                std::hint::spin_loop();
            }
            self.kill(ours, what);
            if is_begun() {
                return Some(Phase::BundleFiles);
            }
            self.remember();
        }
        None
    }

    fn kill(&self, mut ours: Child, what: Killed) {
        match what {
            Killed::Alone => ours.kill().unwrap(),
            Killed::All => {
                let _ = kill_process_group(Pid::from_child(&ours), Signal::KILL);
                self.hub.kill_all();
            }
        }
        ours.wait().unwrap();
        self.trap.open();
        self.gate.settle();
        assert!(self.hub.wait_until(false, Duration::from_secs(10)), "helm goes on by itself");
    }

    /// A run is killed a few times, and then finishes.
    fn endures(&mut self, verb: Verb, most: usize, tally: &Mutex<Tally>) {
        let _alone = self.holds_shared(verb);
        self.prepare(verb);
        let mut after = None;
        let in_a_row = match verb {
            Verb::Install | Verb::Return => IN_A_ROW_OF_INSTALLS,
            Verb::Upgrade | Verb::Uninstall => IN_A_ROW,
        };
        for _ in 0..self.chance.random_range(1..=in_a_row.min(most)) {
            let Some(aim) = self.aim(verb, after, &tally.lock().unwrap()) else { break };
            let what = tally.lock().unwrap().next(self.word);
            let Some(phase) = self.killed(verb, aim, what) else { break };
            let all = tally.lock().unwrap().add(Kill { verb, phase, helm: self.word, what });
            eprintln!("kill {all}: {} {verb}, {phase} ({what:?}; aim: {aim:?})", self.word);
            self.remember();
            after = Some(phase);
        }
        let ours = self.start(verb, None);
        self.assert_ended_well(verb, ours);
        self.remember();
        self.assert_as_undisturbed(verb);
        if verb == Verb::Install {
            self.hub.server_of("anna");
        }
    }

    /// One after the other, until there were so many kills.
    fn endures_all(&mut self, number: usize, kills: usize, tally: &Mutex<Tally>) {
        self.look_at_undisturbed_runs();
        for at in 0.. {
            let done = tally.lock().unwrap().count(|kill| kill.helm == self.word);
            if done >= kills {
                break;
            }
            // It is there after its return; every other time it is made anew.
            let again = if (at / 3 + number).is_multiple_of(2) { Verb::Return } else { Verb::Install };
            self.endures([Verb::Upgrade, Verb::Uninstall, again][at % 3], kills - done, tally);
        }
        self.hub.run(&["uninstall", "daskhub", "--yes"]);
        self.hub.forget_volumes();
    }

    /// Controllers may still be at work on what was just changed.
    fn assert_as_undisturbed(&self, verb: Verb) {
        let start = Instant::now();
        loop {
            let differences = self.undisturbed[&verb].differences(&self.hub.footprint());
            if differences.is_empty() {
                return;
            }
            let differences = differences.join("\n");
            assert!(start.elapsed() < Duration::from_secs(15), "{} {verb} after kills:\n{differences}", self.word);
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

#[test]
fn killed_anywhere_the_same_command_finishes() {
    let Some(testbed) = Testbed::take() else { return };
    let (kills, seed) = soak(SHORT, SEED);
    eprintln!("{kills} kills, seed {seed}");
    let (tally, shared) = (Mutex::new(Tally::default()), RwLock::new(()));
    // Half of them with each Helm, side by side: much of the time is waiting.
    std::thread::scope(|scope| {
        for (number, (word, helm)) in testbed.helms().into_iter().enumerate() {
            let (testbed, tally, shared) = (&testbed, &tally, &shared);
            scope.spawn(move || {
                let seed = seed.wrapping_add(number as u64);
                let half = if number == 0 { kills / 2 } else { kills.div_ceil(2) };
                Victim::new(testbed, (word, &helm), seed, shared).endures_all(number, half, tally);
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    let table = tally.table();
    eprintln!("{}", table.join("\n"));
    super::report(&table);
    assert_spread(&tally, kills);
}

/// Kills came everywhere, so far as there were enough of them.
fn assert_spread(tally: &Tally, kills: usize) {
    let inside = |release: Release| Phase::Helm(release);
    for helm in ["h3", "h4"] {
        let inside = |kill: &Kill| matches!(kill.phase, Phase::Helm(_)) && kill.helm == helm;
        let alone = tally.count(|kill| inside(kill) && kill.what == Killed::Alone);
        assert!(alone > 0, "{helm}: a helm lost us and had to end by itself");
    }
    let alone = tally.count(|kill| kill.what == Killed::Alone);
    assert!(alone * 3 >= kills, "a third of our process alone: {alone}");
    let least = kills / 40;
    for phase in [
        Phase::BundleFiles,
        Phase::BeforeHelm,
        Phase::Ledger,
        Phase::AppliedBundle,
        Phase::Volumes,
        inside(Release::Storage),
        inside(Release::Database),
        inside(Release::Hub),
        Phase::Between,
        Phase::Readiness,
        Phase::End,
    ] {
        let count = tally.count(|kill| kill.phase == phase);
        assert!(count >= least, "{phase}: {count} kills of {least}");
    }
    assert!(tally.places().len() >= kills.min(20) / 3, "kills came at different points");
}
