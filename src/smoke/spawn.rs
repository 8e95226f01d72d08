//! The start of a user's server, with what the hub tells about it.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::USER;
use super::hub::{Hub, Passed, check_status, plain, user_path};
use super::step::{Failure, Step};
use crate::error::{Error, Result};
use crate::web::{Ask, Event};

/// What the spawner tells where the image, or the volume, is what the start waits for.
const OF_PULL: [&str; 4] = ["ErrImagePull", "ImagePullBackOff", "Failed to pull image", "InvalidImageName"];
const OF_VOLUME: [&str; 5] =
    ["FailedMount", "FailedAttachVolume", "PersistentVolumeClaim", "persistentvolumeclaim", "VolumeBinding"];

enum Last {
    Ready,
    Failed(String),
}

/// Starts the server and follows the progress until it is ready.
pub(super) async fn start(hub: &Hub<'_>, patience: Duration, mut tell: impl FnMut(&str)) -> Passed<()> {
    let deadline = Instant::now() + patience;
    hub.start_server().await?;
    let mut told: Vec<String> = Vec::new();
    loop {
        let mut once = |message: &str| {
            if told.last().map(String::as_str) != Some(message) {
                tell(message);
                told.push(message.to_owned());
            }
        };
        let last = timeout_at(deadline, follow(hub, &mut once)).await;
        match last {
            Ok(Ok(Some(Last::Ready))) => return Ok(((), format!("the server of {USER} answers"))),
            Ok(Ok(Some(Last::Failed(message)))) => {
                return Err(failed("the user's server does not start", &message, &told));
            }
            // The stream may be cut by whatever is in between.
            Ok(Ok(None)) => tokio::time::sleep(Duration::from_millis(500)).await,
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => {
                let text = format!("the user's server is not ready after {} seconds", patience.as_secs());
                let last = told.last().cloned().unwrap_or_else(|| "the hub told nothing about it".to_owned());
                return Err(failed(&text, &last, &told));
            }
        }
        if Instant::now() > deadline {
            return Err(Error::user("the hub stopped telling how the server starts").into());
        }
    }
}

async fn follow(hub: &Hub<'_>, tell: &mut dyn FnMut(&str)) -> Result<Option<Last>> {
    let path = format!("{}/server/progress", user_path());
    let ask = Ask::get(&path).token("token", hub.token)?;
    let ended = hub.door.events(ask, |event: &Event| {
        let message = event["message"].as_str().unwrap_or_default();
        if event["failed"] == true {
            return ControlFlow::Break(Last::Failed(message.to_owned()));
        }
        if event["ready"] == true {
            return ControlFlow::Break(Last::Ready);
        }
        tell(message);
        ControlFlow::Continue(())
    });
    match ended.await? {
        Ok(last) => Ok(last),
        Err(_) => check_status(
            &hub.door.ask(Ask::get(&path).token("token", hub.token)?).await?,
            &[],
            "tell how the server starts",
        )
        .map(|_| None),
    }
}

fn failed(text: &str, message: &str, told: &[String]) -> Failure {
    let all = || told.iter().map(String::as_str).chain([message]);
    let speaks_of = |words: &[&str]| all().any(|line| words.iter().any(|word| line.contains(word)));
    let error = Error::user(text).because(plain(message));
    // The reason of a pod that is not placed or not run stands in an event before the last.
    let hinting = told.iter().rev().find(|line| line.contains("[Warning]"));
    let error = hinting.map_or(error.clone(), |line| error.because(plain(line)));
    let is_slow = message.contains("didn't respond in") || message.contains("timed out") || message.contains("Timeout");
    if speaks_of(&OF_PULL) {
        return Failure::of(
            Step::Pull,
            error.hint("check users.image in the site file, and whether the nodes reach its registry"),
        );
    }
    if speaks_of(&OF_VOLUME) {
        return Failure::of(
            Step::Volume,
            error.hint("see: kubectl get pvc; helm iris doctor --probe tries the storage"),
        );
    }
    let error = if is_slow {
        error.hint("a first start pulls the image, which counts: users.startTimeout in the site file, or users.prePull")
    } else {
        error
    };
    Failure::of(Step::Spawn, error.hint("the hub's log tells more: kubectl logs deploy/hub"))
}
