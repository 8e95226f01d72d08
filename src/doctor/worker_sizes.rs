//! The sizes of Dask workers that users choose from: the gateway has them in the Python that our template writes.

use serde_json::Value;

/// A size of workers.
#[derive(Debug, PartialEq)]
pub(super) struct WorkerSize {
    pub(super) name: String,
    pub(super) cores: Value,
    pub(super) memory: Value,
    pub(super) gpus: Value,
}

/// The sizes of the gateway's Python; none where it has none, or somebody wrote them in a way of their own.
pub(super) fn worker_sizes(python: &str) -> Vec<WorkerSize> {
    let lines: Vec<&str> = python.lines().map(str::trim).collect();
    let Some(begin) = lines.iter().position(|line| *line == "sizes = {") else { return Vec::new() };
    let inside: Vec<&str> = lines[begin + 1..].iter().take_while(|line| **line != "}").copied().collect();
    inside.chunks(5).filter_map(size).collect()
}

fn size(lines: &[&str]) -> Option<WorkerSize> {
    let [name, cores, memory, gpus, "),"] = lines else { return None };
    let read = |line: &str, end: &str| serde_json::from_str::<Value>(line.strip_suffix(end)?).ok();
    let name = read(name, ": (")?.as_str()?.to_owned();
    Some(WorkerSize { name, cores: read(cores, ",")?, memory: read(memory, ",")?, gpus: read(gpus, ",")? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_are_read_as_the_template_writes_them() {
        let python = "import x\nsizes = {\n    \"small\": (\n        1,\n        \"2G\",\n        0,\n    ),\n    \"gpu\": (\n        0.5,\n        \"8G\",\n        1,\n    ),\n}\n\n\ndef f():\n    pass\n";
        let size = |name: &str, cores: Value, memory: &str, gpus: u32| WorkerSize {
            name: name.into(),
            cores,
            memory: memory.into(),
            gpus: gpus.into(),
        };
        assert_eq!(worker_sizes(python), [size("small", json!(1), "2G", 0), size("gpu", json!(0.5), "8G", 1)]);
        for others in ["", "sizes = {", "sizes = {\n}", "sizes = {'a': (1, '2G', 0)}", "sizes = {\na\nb\nc\nd\n),\n}"] {
            assert_eq!(worker_sizes(others), [], "{others}");
        }
    }
}
