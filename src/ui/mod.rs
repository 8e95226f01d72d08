//! The only printer: data to stdout, everything else to stderr.

mod style;
mod table;

use std::io::{self, BufRead, IsTerminal, Read as _, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::problem::{Problem, Severity};
use crate::text::{folded, harmless};
use style::Label;
pub use table::table;

/// When to colour labels; nothing needs colour to be understood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputFormat {
    /// Columns for people.
    #[default]
    Table,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// How to print.
#[derive(Debug, Clone, Copy, Default)]
pub struct UiOptions {
    /// `--color`, already aware of `NO_COLOR`.
    pub color: ColorChoice,
    /// `--quiet`: only data, warnings and errors.
    pub quiet: bool,
    /// `--yes`: every question is answered with yes.
    pub yes: bool,
}

/// The printer.
#[derive(Debug)]
pub struct Ui {
    options: UiOptions,
    color: bool,
    terminal: bool,
    width: Option<usize>,
}

impl Ui {
    /// A printer for this process.
    pub fn new(options: UiOptions) -> Self {
        let terminal = io::stderr().is_terminal();
        let color = match options.color {
            ColorChoice::Auto => terminal,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        let width = terminal.then(|| usize::from(console::Term::stderr().size().1).clamp(40, 120));
        Self { options, color, terminal, width }
    }

    /// A line about what is being done or was done.
    pub fn status(&self, text: &str) {
        if !self.options.quiet {
            self.line(text, "");
        }
    }

    /// A block of text that is already laid out, e.g. a plan.
    pub fn block(&self, text: &str) {
        if !self.options.quiet {
            self.raw(&harmless(text));
        }
    }

    /// Something to read before saying yes.
    pub fn warning(&self, text: &str) {
        self.labelled("", Label::Warning, text, "  ");
    }

    /// What to do next.
    pub fn hint(&self, text: &str) {
        if !self.options.quiet {
            self.labelled("", Label::Hint, text, "  ");
        }
    }

    /// A problem with its place and fix.
    pub fn problem(&self, problem: &Problem) {
        let label = match problem.severity {
            Severity::Error => Label::Error,
            Severity::Warning => Label::Warning,
        };
        self.labelled("", label, &format!("{}: {}", problem.location(), problem.message), "  ");
        if let Some(fix) = &problem.fix {
            self.labelled("  ", Label::Fix, fix, "    ");
        }
    }

    /// An error: what, why, what now.
    pub fn error(&self, error: &Error) {
        self.labelled("", Label::Error, &error.message, "  ");
        for cause in &error.causes {
            self.line(&format!("  because: {cause}"), "    ");
        }
        for problem in &error.problems {
            let mark = if problem.severity == Severity::Warning { "warning: " } else { "" };
            self.line(&format!("  {}: {mark}{}", problem.location(), problem.message), "    ");
            if let Some(fix) = &problem.fix {
                self.labelled("    ", Label::Fix, fix, "      ");
            }
        }
        for hint in &error.hints {
            self.labelled("  ", Label::Hint, hint, "    ");
        }
    }

    /// Data for people, in which nothing can rewrite a terminal.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn data(&self, text: &str) -> Result<()> {
        self.exact(&harmless(text))
    }

    /// Data for programs, as it is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn exact(&self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        written(out.write_all(one_line_end(text).as_bytes()).and_then(|()| out.flush()))
    }

    /// An answer as table, JSON or YAML.
    ///
    /// # Errors
    /// When it cannot be written; else only a defect.
    pub fn answer<T: Serialize>(
        &self,
        format: OutputFormat,
        answer: &T,
        table: impl FnOnce(&T) -> String,
    ) -> Result<()> {
        let text = match format {
            OutputFormat::Table => return self.data(&table(answer)),
            OutputFormat::Json => {
                serde_json::to_string_pretty(answer).map_err(|error| Error::bug("JSON").because(error))?
            }
            OutputFormat::Yaml => serde_yaml::to_string(answer).map_err(|error| Error::bug("YAML").because(error))?,
        };
        self.exact(&text)
    }

    /// Whether a question would get an answer: from a person, or from `--yes`.
    pub fn can_ask(&self) -> bool {
        self.options.yes || self.is_attended()
    }

    /// Whether a person sits there.
    fn is_attended(&self) -> bool {
        self.terminal && io::stdin().is_terminal()
    }

    /// Asks a question; no is the default.
    ///
    /// # Errors
    /// Where nobody can be asked and `--yes` was not given.
    pub fn confirm(&self, question: &str) -> Result<bool> {
        if self.options.yes {
            return Ok(true);
        }
        let answer = self.ask(&format!("{question} [y/N] ")).ok_or_else(|| {
            nobody_to_ask("whether to go on").hint("look at the plan, then run the same command with --yes")
        })?;
        Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks for a word that must be typed, whatever `--yes` says; `flag` is how to give it where nobody
    /// can be asked.
    ///
    /// # Errors
    /// Where nobody can be asked.
    pub fn confirm_by_name(&self, question: &str, name: &str, flag: &str) -> Result<bool> {
        let answer = self.ask(&format!("{question} ")).ok_or_else(|| {
            nobody_to_ask(&format!("to type `{name}`")).hint(format!("look at the plan, then add {flag}"))
        })?;
        Ok(answer == name)
    }

    /// What a person answers; none where nobody can be asked.
    fn ask(&self, question: &str) -> Option<String> {
        if !self.is_attended() {
            return None;
        }
        eprint_flush(question);
        let mut answer = String::new();
        // What cannot be read is no consent.
        let _ = io::stdin().lock().read_line(&mut answer);
        Some(answer.trim().to_owned())
    }

    /// Reads a secret: on a terminal a line that is not shown, else all of standard input.
    ///
    /// # Errors
    /// Input that cannot be read, or is longer than `limit` bytes.
    pub fn read_secret(&self, prompt: &str, limit: u64) -> Result<Vec<u8>> {
        let failed = |error: io::Error| Error::user("standard input cannot be read").because(error);
        if self.is_attended() {
            eprint_flush(prompt);
            return console::Term::stderr().read_secure_line().map(String::into_bytes).map_err(failed);
        }
        let mut bytes = Vec::new();
        io::stdin().lock().take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > limit {
            return Err(Error::user(format!("standard input is longer than {limit} bytes: no secret is")));
        }
        Ok(bytes)
    }

    /// A spinner on terminals; elsewhere nothing, the lines of [`Ui::status`] tell enough.
    pub fn progress(&self) -> ProgressBar {
        if !self.terminal || self.options.quiet {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    fn line(&self, text: &str, indent: &str) {
        self.fold(&harmless(text), indent);
    }

    /// A line that begins with a label; whatever comes from elsewhere is made harmless before there is colour.
    fn labelled(&self, start: &str, label: Label, text: &str, indent: &str) {
        self.fold(&format!("{start}{} {}", label.show(self.color), harmless(text)), indent);
    }

    fn fold(&self, text: &str, indent: &str) {
        match self.width {
            Some(width) => self.raw(&folded(text, width, indent).join("\n")),
            // Where there is no terminal, lines stay whole for `grep`.
            None => self.raw(text),
        }
    }

    #[expect(clippy::unused_self, reason = "everything that prints goes through the printer")]
    fn raw(&self, text: &str) {
        let _ = io::stderr().lock().write_all(one_line_end(text).as_bytes());
    }
}

/// What became of data. A reader that has gone away (`| head`) has read enough.
///
/// # Errors
/// When it could not be written for any other reason, e.g. because a disk is full.
pub fn written(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::user("the answer cannot be written to standard output")
                .because(error)
                .hint("see where it goes: a full disk, a file that may not be written?"))
        }
        _ => Ok(()),
    }
}

fn nobody_to_ask(what: &str) -> Error {
    Error::user(format!("nobody can be asked {what}")).because("this is not a terminal")
}

/// Ends a text with one line end; in one piece, so that lines of others do not come in between.
fn one_line_end(text: &str) -> String {
    format!("{}\n", text.trim_end_matches('\n'))
}

fn eprint_flush(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{}", harmless(text));
    let _ = stderr.flush();
}
