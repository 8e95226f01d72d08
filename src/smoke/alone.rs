//! The way of a user of a Dask Gateway by itself, as far as it goes without a Dask client.

use std::time::Instant;

use super::gateway::Gateway;
use super::log::Log;
use super::run::{OfGateway, Request, Walk};
use super::step::{Failure, Level, Step};
use crate::error::Error;
use crate::web::Door;

/// A cluster of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Nothing,
    /// It was asked for: whether it is there we do not know.
    Asked,
    /// The gateway shows it.
    Shown,
}

/// A test of a gateway.
pub(super) struct Alone<'r> {
    request: &'r Request,
    of: &'r OfGateway,
    pub(super) log: Log<'r>,
    pub(super) door: Option<Door>,
    made: Made,
    cluster: Option<String>,
}

impl OfGateway {
    fn gateway<'g>(&'g self, door: &'g Door) -> Gateway<'g> {
        Gateway { door, prefix: &self.prefix, password: &self.password }
    }
}

impl<'r> Alone<'r> {
    pub(super) fn new(request: &'r Request, of: &'r OfGateway, log: Log<'r>) -> Self {
        Self { request, of, log, door: None, made: Made::Nothing, cluster: None }
    }

    async fn let_in(&mut self, gateway: Gateway<'_>) -> Option<()> {
        let quick = self.request.level == Level::Quick;
        if !quick {
            // What an earlier test left is ours from here on.
            self.made = Made::Shown;
        }
        let work = async {
            let ((), seen) = gateway.let_in().await?;
            let left = if quick { 0 } else { gateway.stop_all(false).await? };
            Ok(((), if left > 0 { format!("{seen}; {left} left clusters were stopped") } else { seen }))
        };
        let passed = self.log.step(Step::GatewayAuth, work).await;
        if passed.is_none() {
            self.made = Made::Nothing;
        }
        passed
    }

    async fn scheduler(&mut self, gateway: Gateway<'_>) -> Option<String> {
        let since = self.began(Step::Scheduler);
        self.made = Made::Asked;
        let started = match gateway.start().await {
            Ok(name) => {
                self.cluster = Some(name.clone());
                let runs = gateway.wait_until_it_runs(&name, self.request.patience).await;
                runs.map(|()| {
                    self.made = Made::Shown;
                    format!("the cluster {name} runs and can be reached")
                })
            }
            Err(failure) => Err(failure),
        };
        self.ended(Step::Scheduler, since, started).await?;
        self.cluster.clone()
    }

    async fn scale(&mut self, gateway: Gateway<'_>, name: &str, workers: u32) -> Option<()> {
        let (step, seen) = match workers {
            0 => (Step::ScaleDown, "all workers went".to_owned()),
            _ => (Step::Workers, format!("{workers} came")),
        };
        let since = self.began(step);
        let log = &mut self.log;
        let scaled = gateway.scale((name, workers), self.request.patience, &mut |text| log.progress(step, text)).await;
        self.ended(step, since, scaled.map(|()| seen)).await
    }

    fn began(&mut self, step: Step) -> Instant {
        self.log.began(step);
        Instant::now()
    }

    async fn ended(&mut self, step: Step, since: Instant, came: Result<String, Failure>) -> Option<()> {
        let seconds = since.elapsed().as_secs_f64();
        match came {
            Ok(seen) => {
                self.log.passed(step, seconds, seen);
                Some(())
            }
            Err(failure) => {
                self.log.failed(step, seconds, failure, self.cluster.as_deref()).await;
                None
            }
        }
    }
}

impl Walk for Alone<'_> {
    async fn walk(&mut self) -> Option<()> {
        let (request, of) = (self.request, self.of);
        let reach = async {
            let door = request.way.door().await?;
            let ((), seen) = of.gateway(&door).health().await?;
            Ok((door, seen))
        };
        let door = self.log.step(Step::Gateway, reach).await?;
        self.door = Some(door.clone());
        let gateway = self.of.gateway(&door);
        self.let_in(gateway).await?;
        if request.level == Level::Quick {
            return Some(());
        }
        let name = self.scheduler(gateway).await?;
        self.scale(gateway, &name, request.workers).await?;
        self.scale(gateway, &name, 0).await
    }

    async fn clean_up(&mut self) {
        let Some(door) = self.door.clone().filter(|_| self.made != Made::Nothing) else { return };
        let gateway = self.of.gateway(&door);
        let hidden = self.made == Made::Asked;
        let stop = async {
            let stopped = gateway.stop_all(hidden).await.map_err(left)?;
            Ok((stopped, "nothing is left".to_owned()))
        };
        if self.log.step(Step::CleanUp, stop).await.is_some() {
            self.made = Made::Nothing;
        }
    }

    fn is_clean(&self) -> bool {
        self.made == Made::Nothing
    }
}

fn left(error: Error) -> Error {
    error.hint("the next test stops it; else it ends by itself after dask.idleTimeout")
}
