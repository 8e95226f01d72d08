//! From the arguments of the process to its exit code.

use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind as ClapErrorKind;

use crate::cli::Environment;
use crate::commands::{self, Cli, Outcome};
use crate::error::{EXIT_CHANGES, EXIT_OK, EXIT_USAGE, EXIT_USER, Error, Result};
use crate::helm::guard;
use crate::ui::{ColorChoice, Ui, UiOptions, written};

/// The word by which `plugin.complete` asks for completions.
const COMPLETE: &str = "__complete";

/// Runs the program.
pub fn main() -> ExitCode {
    silence_panics();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|word| word == COMPLETE) {
        let answer = panic::catch_unwind(|| commands::complete::answer(&arguments[2..]));
        let written = Ui::new(UiOptions::default()).exact(&answer.unwrap_or_default());
        return ExitCode::from(if written.is_ok() { EXIT_OK } else { EXIT_USER });
    }
    if arguments.get(1).is_some_and(|word| word == guard::WORD) {
        let Err(error) = guard::become_helm(&arguments[2..]) else { return ExitCode::from(EXIT_OK) };
        Ui::new(UiOptions::default()).error(&error);
        return ExitCode::from(error.kind.exit_code());
    }
    let environment = Environment::read();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let printed = written(error.print());
            let asked = matches!(error.kind(), ClapErrorKind::DisplayHelp | ClapErrorKind::DisplayVersion);
            return ExitCode::from(match printed {
                Err(_) if asked => EXIT_USER,
                _ if asked => EXIT_OK,
                _ => EXIT_USAGE,
            });
        }
    };
    let ui = Ui::new(options(&cli, &environment));
    start_log(&cli, &environment);
    match caught(|| commands::run(&cli, &environment, &ui)) {
        Ok(Outcome::Done) => ExitCode::from(EXIT_OK),
        Ok(Outcome::Changes) => ExitCode::from(EXIT_CHANGES),
        Ok(Outcome::Failing) => ExitCode::from(EXIT_USER),
        Ok(Outcome::Declined) => {
            ui.status("Nothing was changed.");
            ExitCode::from(EXIT_USER)
        }
        Err(error) => {
            ui.error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

/// A panic's message and backtrace can quote whatever was at hand, a secret included, and are shown to nobody.
fn silence_panics() {
    panic::set_hook(Box::new(|_| {}));
}

/// A panic is a defect of ours; it goes through the same door as every error.
fn caught(work: impl FnOnce() -> Result<Outcome>) -> Result<Outcome> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(bug()))
}

fn options(cli: &Cli, environment: &Environment) -> UiOptions {
    let color = match cli.global.color {
        ColorChoice::Auto if environment.no_color => ColorChoice::Never,
        choice => choice,
    };
    UiOptions { color, quiet: cli.global.quiet, yes: cli.yes() }
}

fn start_log(cli: &Cli, environment: &Environment) {
    let level = if cli.global.verbose { "helm_iris=info" } else { "off" };
    let filter = environment.log.clone().unwrap_or_else(|| level.to_owned());
    if filter == "off" {
        return;
    }
    let filter = tracing_subscriber::EnvFilter::new(filter);
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().try_init();
}

fn bug() -> Error {
    Error::bug("helm iris has a defect and stopped")
        .hint("run the same command again: it goes on where it stopped")
        .hint("please report it with the command that you ran")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Secret;

    const INSIDE: &str = "HELM_IRIS_TEST_OF_PANICS";

    /// In a process of its own, because what a panic prints is the process's.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test starts itself again")]
    fn a_panic_shows_no_secret() {
        let secret = Secret::new("hunter2-Zażółć".to_owned());
        if let Some(way) = std::env::var_os(INSIDE) {
            if way == "silenced" {
                silence_panics();
            }
            // Cutting a letter in two is how a panic quotes a text by itself.
            let error = caught(|| Err(Error::user(&secret.expose()[..11]))).unwrap_err();
            eprintln!("{error}\n{error:?}\nexit code {}", error.kind.exit_code());
            return;
        }
        let printed = |way: &str| {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command.args(["start::tests::a_panic_shows_no_secret", "--exact", "--nocapture"]);
            let output = command.env(INSIDE, way).env("RUST_BACKTRACE", "full").output().unwrap();
            String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
        };
        let silenced = printed("silenced");
        assert!(silenced.contains("has a defect") && silenced.contains("exit code 255"), "{silenced}");
        assert!(!silenced.contains("hunter2") && !silenced.contains("backtrace"), "{silenced}");
        assert!(printed("as ever").contains("hunter2"), "a control: such a panic does quote it");
    }
}
