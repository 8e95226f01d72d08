//! The ledger's verbs: what people bring, move and replace.

mod killed;
mod set;
mod shared;

use std::io::Write;
use std::process::Stdio;

use crate::common::{Run, TestEnv};

impl TestEnv {
    /// Runs the program with something on standard input.
    fn run_with_input(&self, args: &[&str], input: &[u8]) -> Run {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that refuses before it reads closes its end.
        let _ = child.stdin.take().unwrap().write_all(input);
        self.finish(args, &child.wait_with_output().unwrap())
    }
}
