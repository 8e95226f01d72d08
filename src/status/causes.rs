//! What has one cause is one matter, however many it hits. Pure.

use crate::apply::Reason;

/// Things that share a cause.
pub struct Matter<'t, T> {
    /// The cause; of one thing alone, all that is known of it.
    pub why: Option<String>,
    /// The things.
    pub things: Vec<&'t T>,
}

/// Gathers what has the same cause, in the order of the first of each.
pub fn by_cause<'t, T>(
    all: impl IntoIterator<Item = &'t T>,
    reason: impl Fn(&'t T) -> Option<&'t Reason>,
) -> Vec<Matter<'t, T>> {
    let mut groups: Vec<(Option<String>, Vec<&'t T>)> = Vec::new();
    for thing in all {
        let cause = reason(thing).map(Reason::cause);
        match groups.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, things)) => things.push(thing),
            None => groups.push((cause, vec![thing])),
        }
    }
    let matter = |(cause, things): (Option<String>, Vec<&'t T>)| match things.as_slice() {
        [only] => Matter { why: reason(only).map(ToString::to_string), things },
        _ => Matter { why: cause, things },
    };
    groups.into_iter().map(matter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hits_many_is_told_once() {
        let refused = |pod: &str, why: &str| Some(Reason::failing(format!("pods \"{pod}\" is forbidden: {why}")));
        let quota = |used: u8| format!("exceeded quota: small, requested: pods=1, used: pods={used}, limited: pods=2");
        let all = [
            refused("hub-1-a", &quota(2)),
            Some(Reason::failing("pod proxy-1-b finds no node: 0/2 nodes are available")),
            None,
            refused("proxy-2-b", &quota(1)),
            refused("proxy-2-b", "exceeded quota: other, requested: cpu=1, used: cpu=2, limited: cpu=2"),
            None,
        ];
        let told: Vec<_> = by_cause(&all, Option::as_ref).into_iter().map(|one| (one.things.len(), one.why)).collect();
        let one = |reason: &Option<Reason>| (1, reason.as_ref().map(ToString::to_string));
        assert_eq!(
            told,
            [
                (2, Some("its pods are forbidden: exceeded quota: small".to_owned())),
                one(&all[1]),
                (2, None),
                one(&all[4])
            ]
        );
    }
}
