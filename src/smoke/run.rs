//! The way of a user from the first request to the last, and back.

use std::time::{Duration, Instant};

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
    /// How the hub is reached.
    pub way: Way,
    /// The token of our service.
    pub token: Secret,
    /// Who logs in by the form; or why nobody can.
    pub visitor: Result<Visitor, String>,
    /// Both sides of the token between hub and gateway; or why they cannot be compared.
    pub shared: Result<SharedToken, String>,
    /// Whether the hub has Dask behind it.
    pub dask: bool,
    /// How much is tried.
    pub level: Level,
    /// Rows and columns of the array that is computed with.
    pub size: u32,
    /// How many workers.
    pub workers: u32,
    /// How long a server, a scheduler and workers may each take.
    pub patience: Duration,
    /// Keeps secrets out of what the hub, its logs and its kernels say.
    pub scrub: Scrub,
    /// Who looks at the cluster for the reasons.
    pub witness: Option<Witness>,
}

struct Run<'r> {
    request: &'r Request,
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
    let mut run = Run {
        request,
        log: Log::new(&request.scrub, request.witness.as_ref(), tell),
        door: None,
        made: Made::default(),
    };
    let stopped = tokio::select! {
        () = run.walk() => false,
        () = interrupt.wait() => true,
    };
    let cleaned = tokio::select! {
        biased;
        () = interrupt.wait_for_now() => false,
        () = run.clean_up() => !run.made.user,
    };
    if stopped {
        let left = if cleaned { "nothing of it is left" } else { "the next test takes away what is left of this one" };
        return Err(Error::interrupted(format!("the test was stopped; {left}")));
    }
    Ok(Report {
        passed: !run.log.has_failed(),
        level: request.level,
        address: run.door.as_ref().map_or_else(|| request.way.label(), |door| door.label().to_owned()),
        steps: run.log.steps,
        seconds: since.elapsed().as_secs_f64(),
    })
}

impl Run<'_> {
    async fn walk(&mut self) {
        let request = self.request;
        let reach = async {
            let door = request.way.door().await?;
            let ((), seen) = Hub { door: &door, token: &request.token }.reach().await?;
            Ok((door, seen))
        };
        let Some(door) = self.log.step(Step::Reach, reach).await else { return };
        self.door = Some(door.clone());
        let hub = Hub { door: &door, token: &request.token };
        self.look(&hub).await;
        if request.level == Level::Quick || self.log.has_failed() {
            return;
        }
        if self.user(&hub).await.is_none() {
            return;
        }
        match &request.visitor {
            Ok(visitor) => drop(self.log.step(Step::LogIn, login::log_in(&door, visitor)).await),
            Err(why) => self.log.skipped(Step::LogIn, why),
        }
        self.use_server(&hub).await;
    }

    /// What can be seen without making anything.
    async fn look(&mut self, hub: &Hub<'_>) {
        self.log.step(Step::Token, hub.token()).await;
        if !self.request.dask {
            return;
        }
        self.log.step(Step::Gateway, hub.gateway()).await;
        match &self.request.shared {
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
        let Request { size, workers, patience, .. } = *self.request;
        let task =
            if self.request.dask { Task::Dask { size, workers, timeout: patience.as_secs() } } else { Task::Home };
        let followed = follow(&mut self.log, hub, &mut kernel, (task, patience), &mut self.made.dask).await;
        if let Err(error) = followed {
            self.log.failed(Step::Kernel, 0.0, Failure::from(error), None).await;
        }
    }

    async fn clean_up(&mut self) {
        let Some(door) = self.door.clone().filter(|_| self.made.user) else { return };
        let hub = Hub { door: &door, token: &self.request.token };
        self.log.step(Step::CleanUp, clean::all(&hub, &mut self.made)).await;
    }
}
