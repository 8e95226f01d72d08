//! The steps as they end, and on a terminal what goes on meanwhile.

use indicatif::ProgressBar;

use crate::smoke::{self, Event};
use crate::ui::Ui;

/// Tells events.
pub(in crate::commands) struct Progress<'u> {
    ui: &'u Ui,
    bar: ProgressBar,
    /// Whether the steps are data by themselves, not in one answer at the end.
    as_data: bool,
}

impl<'u> Progress<'u> {
    pub(in crate::commands) fn new(ui: &'u Ui, as_data: bool) -> Self {
        Self { ui, bar: ui.progress(), as_data }
    }

    pub(in crate::commands) fn tell(&mut self, event: &Event) {
        match event {
            Event::Began(step) => self.bar.set_message(step.name()),
            Event::Progress(step, text) => self.bar.set_message(format!("{}: {text}", step.name())),
            Event::Ended(report) => {
                let line = smoke::line(report);
                self.bar.suspend(|| {
                    if self.as_data {
                        // What cannot be written now is an error at the answer that closes the test.
                        let _ = self.ui.data(&line);
                    } else {
                        self.ui.status(&line);
                    }
                });
            }
        }
    }

    pub(in crate::commands) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
