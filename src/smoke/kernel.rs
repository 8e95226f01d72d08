//! A kernel on the user's server, and a program run in it over the websocket, as a notebook would.

use std::time::Duration;

use http::Method;
use rand::RngExt;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::USER;
use super::hub::{Hub, check_status};
use crate::error::{Error, Result};
use crate::web::Socket;

/// How long a kernel may take until it answers; imports of a cold disk included.
const START: Duration = Duration::from_mins(1);
/// A first question may be lost while the kernel starts.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// A running kernel.
pub(super) struct Kernel {
    id: String,
    session: String,
    socket: Socket,
    sent: u64,
}

/// Something that a kernel says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Printed to standard output or standard error.
    Printed { text: String, error: bool },
    /// An exception that nobody caught.
    Raised(String),
    /// The program is at its end, whatever came of it.
    Ended,
    /// The kernel is gone, and the program with it.
    Died,
}

/// Whether anybody is connected to a kernel of the user's server.
pub(super) async fn is_anybody_connected(hub: &Hub<'_>) -> Result<bool> {
    let answer = hub.call(Method::GET, &server_path("kernels"), None).await?;
    let kernels = check_status(&answer, &[200], "list what runs on the user's server")?.json();
    let is_used = |kernel: &Value| kernel["connections"].as_u64().is_some_and(|count| count > 0);
    Ok(kernels.as_array().is_some_and(|kernels| kernels.iter().any(is_used)))
}

impl Kernel {
    /// Starts a kernel and waits until it answers.
    pub(super) async fn start(hub: &Hub<'_>) -> Result<Self> {
        let specs = hub.call(Method::GET, &server_path("kernelspecs"), None).await?;
        if matches!(specs.status, 301..=308) {
            return Err(
                Error::user("the user's server cannot be reached").because("the proxy leads to the hub instead")
            );
        }
        let specs = check_status(&specs, &[200], "list the kernels of the user's server")?.json();
        let name = specs["default"].as_str().unwrap_or("python3");
        let made = hub.call(Method::POST, &server_path("kernels"), Some(json!({"name": name}))).await?;
        let made = check_status(&made, &[201], "start a kernel on the user's server").map_err(|error| {
            error.hint("does the image hold ipykernel, for the kernel that it names as its default?")
        })?;
        let id = made.json()["id"].as_str().unwrap_or_default().to_owned();
        let session = identifier();
        let path = server_path(&format!("kernels/{id}/channels?session_id={session}"));
        let socket = match hub.door.socket(&path, hub.token).await? {
            Ok(socket) => socket,
            Err(status) => {
                return Err(Error::user("the kernel's websocket cannot be opened")
                    .because(format!("HTTP {status}"))
                    .hint("does a proxy in front of the hub pass websockets on?"));
            }
        };
        let mut kernel = Self { id, session, socket, sent: 0 };
        kernel.wait_until_it_answers().await?;
        Ok(kernel)
    }

    /// Runs a program; what it says comes by [`Self::said`], with what this returns.
    pub(super) async fn run(&mut self, code: &str) -> Result<String> {
        let content = json!({"code": code, "silent": false, "store_history": false, "user_expressions": {},
                             "allow_stdin": false, "stop_on_error": true});
        self.send("execute_request", &content).await
    }

    /// What a program says next; none where nothing is said until the deadline.
    pub(super) async fn said(&mut self, request: &str, deadline: Instant) -> Result<Option<Said>> {
        loop {
            let Ok(frame) = timeout_at(deadline, self.socket.next()).await else { return Ok(None) };
            match frame? {
                None => return Ok(Some(Said::Died)),
                Some(frame) => {
                    if let Some(said) = understood(&frame, request) {
                        return Ok(Some(said));
                    }
                }
            }
        }
    }

    /// Asks the program to stop, as Ctrl-C would.
    pub(super) async fn interrupt(&self, hub: &Hub<'_>) -> Result<()> {
        let path = server_path(&format!("kernels/{}/interrupt", self.id));
        hub.call(Method::POST, &path, None).await.map(drop)
    }

    async fn wait_until_it_answers(&mut self) -> Result<()> {
        let end = Instant::now() + START;
        while Instant::now() < end {
            let request = self.send("kernel_info_request", &json!({})).await?;
            let again = (Instant::now() + ASK_AGAIN).min(end);
            while let Ok(frame) = timeout_at(again, self.socket.next()).await {
                let Some(frame) = frame? else {
                    return Err(
                        Error::user("the kernel ends as soon as it starts").hint("the user's server's log tells why")
                    );
                };
                if is_answer(&frame, "kernel_info_reply", &request) {
                    return Ok(());
                }
            }
        }
        Err(Error::user(format!("the kernel does not answer in {} seconds", START.as_secs()))
            .hint("is the memory of users.memory enough for it, and the node not overloaded?"))
    }

    async fn send(&mut self, kind: &str, content: &Value) -> Result<String> {
        self.sent += 1;
        let id = format!("{}-{}", self.session, self.sent);
        let date = jiff::Timestamp::now().to_string();
        let header = json!({"msg_id": id, "msg_type": kind, "username": USER, "session": self.session,
                            "version": "5.3", "date": date});
        let message = json!({"header": header, "parent_header": {}, "metadata": {}, "content": content,
                             "buffers": [], "channel": "shell"});
        self.socket.send(&message).await?;
        Ok(id)
    }
}

fn server_path(path: &str) -> String {
    format!("/user/{USER}/api/{path}")
}

fn identifier() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

fn is_answer(frame: &Value, kind: &str, request: &str) -> bool {
    frame["header"]["msg_type"] == kind && frame["parent_header"]["msg_id"] == request
}

/// What a frame says about a request; none where it is about something else.
fn understood(frame: &Value, request: &str) -> Option<Said> {
    let content = &frame["content"];
    let kind = frame["header"]["msg_type"].as_str()?;
    let state = content["execution_state"].as_str();
    // A kernel that was killed answers nobody: its server tells, without naming a request.
    if kind == "status" && matches!(state, Some("restarting" | "autorestarting" | "dead")) {
        return Some(Said::Died);
    }
    if frame["parent_header"]["msg_id"] != request {
        return None;
    }
    let text = |key: &str| content[key].as_str().unwrap_or_default().to_owned();
    match kind {
        "stream" => Some(Said::Printed { text: text("text"), error: content["name"] == "stderr" }),
        "error" => Some(Said::Raised(format!("{}: {}", text("ename"), text("evalue")))),
        "status" if state == Some("idle") => Some(Said::Ended),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "callers make it on the spot")]
    fn frame(kind: &str, parent: &str, content: Value) -> Value {
        json!({"header": {"msg_type": kind}, "parent_header": {"msg_id": parent}, "content": content})
    }

    #[test]
    fn frames_as_kernels_send_them() {
        let said = |kind: &str, parent: &str, content: Value| understood(&frame(kind, parent, content), "r-1");
        let printed = |error| Some(Said::Printed { text: "a\n".into(), error });
        assert_eq!(said("stream", "r-1", json!({"name": "stdout", "text": "a\n"})), printed(false));
        assert_eq!(said("stream", "r-1", json!({"name": "stderr", "text": "a\n"})), printed(true));
        assert_eq!(said("stream", "r-2", json!({"name": "stdout", "text": "a\n"})), None);
        assert_eq!(said("error", "r-1", json!({"ename": "E", "evalue": "v"})), Some(Said::Raised("E: v".into())));
        assert_eq!(said("status", "r-1", json!({"execution_state": "busy"})), None);
        assert_eq!(said("status", "r-1", json!({"execution_state": "idle"})), Some(Said::Ended));
        // Its reply says `ok` of a program that failed, and is not asked.
        assert_eq!(said("execute_reply", "r-1", json!({"status": "ok"})), None);
        let restarting = json!({"header": {"msg_type": "status"}, "parent_header": {}, "content": {"execution_state": "restarting"}});
        assert_eq!(understood(&restarting, "r-1"), Some(Said::Died));
        assert_eq!(understood(&json!({}), "r-1"), None);
    }
}
