//! The way of a user from the first request to the last, and back.

use std::time::{Duration, Instant};

use super::alone::Alone;
use super::clean::{self, Made};
use super::compute::follow;
use super::hub::Hub;
use super::kernel::Kernel;
use super::log::{Event, Log};
use super::login::{self, Visitor};
use super::program::Task;
use super::shared::SharedToken;
use super::spawn;
use super::step::{Failure, Level, Report, Step};
use super::way::Way;
use super::witness::Witness;
use crate::error::{Error, Result};
use crate::helm::Scrub;
use crate::interrupt::Interrupt;
use crate::redact::Secret;
use crate::web::Door;

/// What is to be tested, and how.
pub struct Request {
    /// How it is reached.
    pub way: Way,
    /// What it is.
    pub of: Tested,
    /// How much is tried.
    pub level: Level,
    /// How many workers.
    pub workers: u32,
    /// How long a server, a scheduler and workers may each take.
    pub patience: Duration,
    /// Keeps secrets out of what the hub, its logs and its kernels say.
    pub scrub: Scrub,
    /// Who looks at the cluster for the reasons.
    pub witness: Option<Witness>,
}

/// What is tested.
pub enum Tested {
    /// A hub.
    Hub(Box<OfHub>),
    /// A Dask Gateway by itself.
    Gateway(OfGateway),
}

/// What is known of a hub.
pub struct OfHub {
    /// The token of our service.
    pub token: Secret,
    /// Who logs in by the form; or why nobody can.
    pub visitor: Result<Visitor, String>,
    /// Both sides of the token between hub and gateway; or why they cannot be compared.
    pub shared: Result<SharedToken, String>,
    /// Whether the hub has Dask behind it.
    pub dask: bool,
    /// Rows and columns of the array that is computed with.
    pub size: u32,
}

/// What is known of a gateway.
pub struct OfGateway {
    /// What stands before its paths; without a slash at the end.
    pub prefix: String,
    /// With which users reach it.
    pub password: Secret,
}

/// A test that takes away what it made.
pub(super) trait Walk {
    /// All of it, as far as it goes; none where it ends early.
    async fn walk(&mut self) -> Option<()>;
    /// Takes away what it made.
    async fn clean_up(&mut self);
    /// Whether nothing of it is left.
    fn is_clean(&self) -> bool;
}

struct Run<'r> {
    request: &'r Request,
    of: &'r OfHub,
    log: Log<'r>,
    door: Option<Door>,
    made: Made,
}

/// Tests, and takes away what it made, also when it is stopped.
///
/// # Errors
/// When it is stopped. What does not work is in the report.
pub async fn run(request: &Request, interrupt: &mut Interrupt, tell: &mut dyn FnMut(Event)) -> Result<Report> {
    let since = Instant::now();
    let log = Log::new(&request.scrub, request.witness.as_ref(), tell);
    let (log, door) = match &request.of {
        Tested::Hub(of) => {
            let mut run = Run { request, of, log, door: None, made: Made::default() };
            conduct(&mut run, interrupt).await?;
            (run.log, run.door)
        }
        Tested::Gateway(of) => {
            let mut alone = Alone::new(request, of, log);
            conduct(&mut alone, interrupt).await?;
            (alone.log, alone.door)
        }
    };
    Ok(Report {
        passed: !log.has_failed(),
        level: request.level,
        address: door.map_or_else(|| request.way.label(), |door| door.label().to_owned()),
        steps: log.steps,
        seconds: since.elapsed().as_secs_f64(),
    })
}

async fn conduct(walk: &mut impl Walk, interrupt: &mut Interrupt) -> Result<()> {
    let stopped = tokio::select! {
        _ = walk.walk() => false,
        () = interrupt.wait() => true,
    };
    tokio::select! {
        biased;
        () = interrupt.wait_for_now() => {}
        () = walk.clean_up() => {}
    }
    if stopped {
        let left =
            if walk.is_clean() { "nothing of it is left" } else { "the next test takes away what is left of this one" };
        return Err(Error::interrupted(format!("the test was stopped; {left}")));
    }
    Ok(())
}

impl Walk for Run<'_> {
    async fn walk(&mut self) -> Option<()> {
        let request = self.request;
        let reach = async {
            let door = request.way.door().await?;
            let ((), seen) = Hub { door: &door, token: &self.of.token }.reach().await?;
            Ok((door, seen))
        };
        let door = self.log.step(Step::Reach, reach).await?;
        self.door = Some(door.clone());
        let hub = Hub { door: &door, token: &self.of.token };
        self.look(&hub).await;
        if request.level == Level::Quick || self.log.has_failed() {
            return None;
        }
        self.user(&hub).await?;
        match &self.of.visitor {
            Ok(visitor) => drop(self.log.step(Step::LogIn, login::log_in(&door, visitor)).await),
            Err(why) => self.log.skipped(Step::LogIn, why),
        }
        self.use_server(&hub).await;
        Some(())
    }

    async fn clean_up(&mut self) {
        let Some(door) = self.door.clone().filter(|_| self.made.user) else { return };
        let hub = Hub { door: &door, token: &self.of.token };
        self.log.step(Step::CleanUp, clean::all(&hub, &mut self.made)).await;
    }

    fn is_clean(&self) -> bool {
        !self.made.user
    }
}

impl Run<'_> {
    /// What can be seen without making anything.
    async fn look(&mut self, hub: &Hub<'_>) {
        self.log.step(Step::Token, hub.token()).await;
        if !self.of.dask {
            return;
        }
        self.log.step(Step::Gateway, hub.gateway()).await;
        match &self.of.shared {
            Ok(shared) => drop(self.log.step(Step::SharedToken, shared.compare()).await),
            Err(why) => self.log.skipped(Step::SharedToken, why),
        }
    }

    async fn user(&mut self, hub: &Hub<'_>) -> Option<()> {
        // First: what another test is using is not ours to take away.
        let refused = clean::refuse_another(hub).await;
        // Before the answer, which may be lost.
        self.made.user = refused.is_ok();
        let made = async {
            refused?;
            let (was_there, seen) = hub.make_user().await?;
            let stopped = was_there && clean::leftovers(hub).await?;
            Ok(((), if stopped { format!("{seen}; its server was stopped") } else { seen }))
        };
        self.log.step(Step::User, made).await
    }

    async fn use_server(&mut self, hub: &Hub<'_>) {
        self.made.server = true;
        let since = Instant::now();
        self.log.began(Step::Spawn);
        let log = &mut self.log;
        let started = spawn::start(hub, self.request.patience, |message| log.progress(Step::Spawn, message)).await;
        let seconds = since.elapsed().as_secs_f64();
        match started {
            Ok(((), seen)) => self.log.passed(Step::Spawn, seconds, seen),
            Err(failure) => return self.log.failed(Step::Spawn, seconds, failure, None).await,
        }
        let start = async { Ok((Kernel::start(hub).await?, "answers over its websocket".to_owned())) };
        let Some(mut kernel) = self.log.step(Step::Kernel, start).await else { return };
        let (Request { workers, patience, .. }, size) = (self.request, self.of.size);
        let task =
            if self.of.dask { Task::Dask { size, workers: *workers, timeout: patience.as_secs() } } else { Task::Home };
        let followed = follow(&mut self.log, hub, &mut kernel, (task, *patience), &mut self.made.dask).await;
        if let Err(error) = followed {
            self.log.failed(Step::Kernel, 0.0, Failure::from(error), None).await;
        }
    }
}
