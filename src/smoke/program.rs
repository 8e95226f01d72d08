//! The program of the kernel, and the lines by which it tells how it goes. Pure.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::step::Step;

/// Begins each line that counts; what else a kernel prints does not.
const MARK: &str = "IRIS ";
const PROGRAM: &str = include_str!("program.py");
/// A line longer than this is none of ours.
const MOST_BYTES: usize = 64 << 10;

/// What the program shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// A file in the home folder, and no Dask.
    Home,
    /// The guide's computation.
    Dask { size: u32, workers: u32, timeout: u64 },
    /// Stop the Dask clusters that our user has.
    Sweep,
}

/// The program for a task.
pub(super) fn program(task: Task) -> String {
    let settings = match task {
        Task::Home => json!({"run": "home"}),
        Task::Sweep => json!({"run": "sweep"}),
        Task::Dask { size, workers, timeout } => {
            json!({"run": "dask", "size": size, "chunk": (size / 20).max(1), "workers": workers, "timeout": timeout})
        }
    };
    // A JSON text is a text of Python too, once more in JSON.
    format!("{PROGRAM}\n\niris_main(json.loads({}))\n", Value::String(settings.to_string()))
}

/// A line of the program.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Line {
    Began(String),
    Ended(Ended),
    /// All of it was done.
    Done,
}

/// How a step of the program ended.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Ended {
    pub(super) step: String,
    pub(super) ok: bool,
    pub(super) seconds: f64,
    #[serde(default)]
    pub(super) error: String,
    #[serde(flatten)]
    pub(super) facts: Map<String, Value>,
}

/// Collects what a program prints into lines; pieces come as they like.
#[derive(Default)]
pub(super) struct Lines(String);

impl Lines {
    /// The lines of the program that are whole by now.
    pub(super) fn take(&mut self, piece: &str) -> Vec<Line> {
        self.0.push_str(piece);
        let mut lines = Vec::new();
        while let Some(end) = self.0.find('\n') {
            let rest = self.0.split_off(end + 1);
            lines.extend(line(&self.0));
            self.0 = rest;
        }
        if self.0.len() > MOST_BYTES {
            self.0.clear();
        }
        lines
    }
}

fn line(text: &str) -> Option<Line> {
    let document: Value = serde_json::from_str(text.trim_end().strip_prefix(MARK)?).ok()?;
    if document["done"] == true {
        return Some(Line::Done);
    }
    match document["began"].as_str() {
        Some(step) => Some(Line::Began(step.to_owned())),
        None => serde_json::from_value(document).ok().map(Line::Ended),
    }
}

impl Ended {
    /// What is told of a step that went well.
    pub(super) fn seen(&self, step: Step, task: Task) -> String {
        let fact = |name: &str| self.facts.get(name).and_then(Value::as_str).unwrap_or("?");
        match (step, task) {
            (Step::Home, _) => format!("a file was written and read; Python {}", fact("version")),
            (Step::Import, _) => format!("dask_gateway {}", fact("version")),
            (Step::GatewayAuth, _) => match self.facts.get("stopped").and_then(Value::as_u64) {
                Some(stopped) if stopped > 0 => format!("the user is let in; {stopped} left clusters were stopped"),
                _ => "the user is let in".to_owned(),
            },
            (Step::Scheduler, _) => format!("the cluster {} runs and can be reached", fact("cluster")),
            (Step::Workers, Task::Dask { workers, .. }) => format!("{workers} came"),
            (Step::Compute, Task::Dask { size, .. }) => {
                let mean = self.facts.get("mean").and_then(Value::as_f64).unwrap_or_default();
                format!("the mean of {size} times {size} random numbers is {mean:.6}")
            }
            (Step::ScaleDown, _) => "all workers went".to_owned(),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_whatever_the_pieces() {
        let text = "noise\n\nIRIS {\"began\": \"home\"}\nIRIS {\"step\": \"home\", \"ok\": true, \"seconds\": 0.5, \"version\": \"3\"}\n\
                    IRIS no json\n IRIS {\"done\": true}\nx IRIS {\"done\": true}\nIRIS {\"done\": true}\n";
        let whole = Lines::default().take(text);
        assert_eq!(whole.len(), 3, "{whole:?}");
        assert!(matches!(&whole[1], Line::Ended(ended) if ended.ok && ended.facts["version"] == "3"));
        let mut lines = Lines::default();
        let pieces: Vec<Line> = text.chars().flat_map(|c| lines.take(&c.to_string())).collect();
        assert_eq!(pieces, whole);
        assert!(Lines::default().take("IRIS {\"done\": true}").is_empty(), "a line has an end");
    }

    #[test]
    fn the_program_gets_its_settings() {
        let text = program(Task::Dask { size: 10_000, workers: 2, timeout: 60 });
        assert!(text.ends_with(
            "iris_main(json.loads(\"{\\\"run\\\":\\\"dask\\\",\\\"size\\\":10000,\\\"chunk\\\":500,\\\"workers\\\":2,\\\"timeout\\\":60}\"))\n"
        ), "{}", &text[text.len() - 150..]);
    }
}
