//! What went wrong, why, and what to do now; and the exit codes.

use std::fmt;

use crate::problem::Problem;

/// Everything went as asked.
pub const EXIT_OK: u8 = 0;
/// The input or the world is at fault.
pub const EXIT_USER: u8 = 1;
/// The command line could not be understood.
pub const EXIT_USAGE: u8 = 2;
/// Changes are planned (only with `--exit-code`).
pub const EXIT_CHANGES: u8 = 3;
/// Everything was applied, but the verification failed.
pub const EXIT_UNVERIFIED: u8 = 4;
/// Stopped by Ctrl-C or a termination signal.
pub const EXIT_INTERRUPTED: u8 = 130;
/// A defect of this program.
pub const EXIT_BUG: u8 = 255;

/// Whose fault an error is; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Input or world: exit code 1.
    User,
    /// Command line: exit code 2.
    Usage,
    /// Applied, but not verified: exit code 4.
    Unverified,
    /// Stopped by a signal: exit code 130.
    Interrupted,
    /// A defect of ours: exit code 255.
    Bug,
}

impl ErrorKind {
    /// The process exit code of this kind.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::User => EXIT_USER,
            Self::Usage => EXIT_USAGE,
            Self::Unverified => EXIT_UNVERIFIED,
            Self::Interrupted => EXIT_INTERRUPTED,
            Self::Bug => EXIT_BUG,
        }
    }
}

/// An error in three parts: what (message), why (causes, problems), what now (hints).
#[derive(Debug, Clone)]
pub struct Error {
    /// Whose fault it is.
    pub kind: ErrorKind,
    /// What went wrong, one sentence without a final period.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// All problems found at this point of the run.
    pub problems: Vec<Problem>,
    /// What to do now, each a sentence or a command.
    pub hints: Vec<String>,
}

impl Error {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), problems: Vec::new(), hints: Vec::new() }
    }

    /// An error of the input or the world.
    pub fn user(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::User, message)
    }

    /// An error of the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Applied, but verification failed.
    pub fn unverified(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unverified, message)
    }

    /// Stopped by a signal.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Interrupted, message)
    }

    /// A defect of this program.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Bug, message)
    }

    /// Problems found together, under one sentence.
    pub fn problems(message: impl Into<String>, problems: Vec<Problem>) -> Self {
        Self { problems, ..Self::user(message) }
    }

    /// Several errors of one run as one; the first is the message if it is alone.
    pub fn join(mut errors: Vec<Self>) -> Self {
        if errors.len() == 1
            && let Some(only) = errors.pop()
        {
            return only;
        }
        let kind =
            if errors.iter().any(|error| error.kind == ErrorKind::User) { ErrorKind::User } else { ErrorKind::Usage };
        let mut joined = Self::new(kind, "several things are not right");
        for error in errors {
            if error.problems.is_empty() {
                joined.causes.push(error.to_string());
            }
            joined.problems.extend(error.problems);
            joined.hints.extend(error.hints);
        }
        joined
    }

    /// Adds a reason.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds what to do now.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Error {}

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;
