//! From the arguments of the process to its exit code.

use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind as ClapErrorKind;

use crate::cli::Environment;
use crate::commands::{self, Cli, Outcome};
use crate::error::{EXIT_CHANGES, EXIT_OK, EXIT_USAGE, EXIT_USER, Error};
use crate::helm::guard;
use crate::ui::{ColorChoice, Ui, UiOptions};

/// The word by which `plugin.complete` asks for completions.
const COMPLETE: &str = "__complete";

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|word| word == COMPLETE) {
        Ui::new(UiOptions::default()).data(&commands::complete::answer(&arguments[2..]));
        return ExitCode::from(EXIT_OK);
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
            let _ = error.print();
            let asked = matches!(error.kind(), ClapErrorKind::DisplayHelp | ClapErrorKind::DisplayVersion);
            return ExitCode::from(if asked { EXIT_OK } else { EXIT_USAGE });
        }
    };
    let ui = Ui::new(options(&cli, &environment));
    start_log(&cli, &environment);
    // A panic is a defect of ours; its message goes through the same door as every error.
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(AssertUnwindSafe(|| commands::run(&cli, &environment, &ui)));
    match result.unwrap_or_else(|_| Err(bug())) {
        Ok(Outcome::Done) => ExitCode::from(EXIT_OK),
        Ok(Outcome::Changes) => ExitCode::from(EXIT_CHANGES),
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
