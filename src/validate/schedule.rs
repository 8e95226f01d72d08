//! Schedules as Kubernetes reads them: five fields of cron, each with its numbers. Pure.

/// A field of a schedule.
struct Field {
    what: &'static str,
    least: u64,
    most: u64,
    /// Words for the numbers, from the least on.
    names: &'static [&'static str],
    fix: &'static str,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 5] = [
    Field { what: "minute", least: 0, most: 59, names: &[], fix: "write 0 to 59, e.g. 15, 0,30, 5-9 or */10" },
    Field { what: "hour", least: 0, most: 23, names: &[], fix: "write 0 to 23, e.g. 2, 2,14, 1-5 or */6" },
    Field { what: "day of the month", least: 1, most: 31, names: &[], fix: "write 1 to 31, e.g. 1, 1,15 or */2" },
    Field { what: "month", least: 1, most: 12, names: &MONTHS, fix: "write 1 to 12, or jan to dec" },
    Field {
        what: "day of the week",
        least: 0,
        most: 6,
        names: &DAYS,
        fix: "write 0 to 6, where 0 is Sunday, or sun to sat",
    },
];

/// The fields that say nothing that Kubernetes takes: what is wrong, and what to write. A word for all five, such as
/// `@daily`, has none.
pub(super) fn wrong(schedule: &str) -> Vec<(String, &'static str)> {
    if schedule.starts_with('@') {
        return Vec::new();
    }
    let fields = FIELDS.iter().zip(schedule.split(' ')).filter(|(field, text)| !field.takes(text));
    fields.map(|(field, text)| (format!("`{text}` is no {}", field.what), field.fix)).collect()
}

impl Field {
    /// Whether it is a list of numbers and ranges, with steps where somebody wants them.
    fn takes(&self, text: &str) -> bool {
        text.split(',').all(|part| {
            let (range, step) = part.split_once('/').unwrap_or((part, "1"));
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let is_range = matches!(range, "*" | "?")
                || self.number(first).zip(self.number(last)).is_some_and(|(first, last)| first <= last);
            is_range && step.parse::<u64>().is_ok_and(|step| step > 0)
        })
    }

    fn number(&self, text: &str) -> Option<u64> {
        let named = (self.least..).zip(self.names).find(|(_, name)| name.eq_ignore_ascii_case(text));
        let number = named.map(|(number, _)| number).or_else(|| text.parse().ok())?;
        (self.least..=self.most).contains(&number).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::wrong;

    /// As `ParseStandard` of robfig/cron 3, which Kubernetes has, reads them.
    #[test]
    fn fields_are_read_as_kubernetes_reads_them() {
        let right = [
            "15 2 * * *",
            "@daily",
            "0,30 */6 1-15/3 JAN-mar Mon-Fri",
            "59 23 31 12 6",
            "05 ? ? * 0",
            "10/20 * * feb sun",
        ];
        for schedule in right {
            assert_eq!(wrong(schedule), [], "{schedule}");
        }
        for (schedule, what) in [
            ("60 2 * * *", "`60` is no minute"),
            ("* 24 * * *", "`24` is no hour"),
            ("* * 0 * *", "`0` is no day of the month"),
            ("* * * 13 *", "`13` is no month"),
            ("* * * * 7", "`7` is no day of the week"),
            ("* * * mon *", "`mon` is no month"),
            ("30-10 * * * *", "`30-10` is no minute"),
            ("*/0 * * * *", "`*/0` is no minute"),
            ("1-2-3 * * * *", "`1-2-3` is no minute"),
            ("1/2/3 * * * *", "`1/2/3` is no minute"),
            ("1, * * * *", "`1,` is no minute"),
            ("99999999999999999999 * * * *", "`99999999999999999999` is no minute"),
        ] {
            let found: Vec<String> = wrong(schedule).into_iter().map(|(what, _)| what).collect();
            assert_eq!(found, [what], "{schedule}");
        }
        assert_eq!(wrong("99 99 * * *").len(), 2, "all are told");
    }
}
