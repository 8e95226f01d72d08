use super::read::Given;
use super::*;

fn entry(adopt: Vec<AdoptFrom>) -> SecretEntry {
    SecretEntry { name: "one".into(), adopt, ..SecretEntry::default() }
}

fn from(secret: &str, key: &str) -> AdoptFrom {
    AdoptFrom { secret: secret.into(), key: key.into(), ..AdoptFrom::default() }
}

fn picked(adopt: Vec<AdoptFrom>, secrets: &[Given<'_>]) -> Vec<(String, String)> {
    let found = pick(&[entry(adopt)], &Secrets::of(secrets)).unwrap();
    found.into_iter().map(|found| (found.place, found.value.expose().to_owned())).collect()
}

fn pair(place: &str, value: &str) -> (String, String) {
    (place.to_owned(), value.to_owned())
}

#[test]
fn what_is_there_and_not_empty_is_found() {
    let secrets: &[Given<'_>] = &[("hub", &[("a.b", b"value"), ("empty", b""), ("binary", b"\xff")])];
    let adopt = vec![from("none", "x"), from("hub", "a.b"), from("hub", "empty"), from("hub", "c")];
    assert_eq!(picked(adopt, secrets), [pair("hub:a.b", "value")]);
    let error = pick(&[entry(vec![from("hub", "binary")])], &Secrets::of(secrets)).err().unwrap();
    assert!(error.causes[0].contains("key binary: it is not text"), "{error:?}");
}

#[test]
fn what_is_no_document_says_nothing() {
    let adopt = |key: &str| vec![AdoptFrom { path: Some("a.b".into()), ..from("hub", key) }];
    let secrets: &[Given<'_>] =
        &[("hub", &[("values.yaml", b"{{ no yaml"), ("other.yaml", b"{{ no yaml"), ("good.yaml", b"a: {b: text}")])];
    assert_eq!(picked(adopt("values.yaml"), secrets), []);
    assert_eq!(picked(adopt("other.yaml"), secrets), []);
    assert_eq!(picked(adopt("good.yaml"), secrets), [pair("hub:good.yaml:a.b", "text")]);
}

#[test]
fn places_that_may_be_about_something_else_count_only_alone() {
    let guess = AdoptFrom { if_none: true, ..from("*-postgresql", "password") };
    let adopt = vec![from("hub", "k"), guess];
    let others: Given<'_> = ("a-postgresql", &[("password", b"a's")]);
    let more: Given<'_> = ("b-postgresql", &[("password", b"b's")]);
    assert_eq!(picked(adopt.clone(), &[("hub", &[("k", b"v")]), others]), [pair("hub:k", "v")]);
    assert_eq!(picked(adopt.clone(), &[others, more]), [], "no hub is there: they are about something else");
    // A hub that does not know it itself.
    let token = SecretEntry { name: "token".into(), adopt: vec![from("hub", "t")], ..SecretEntry::default() };
    let secrets = Secrets::of(&[("hub", &[("t", b"v")]), others, more]);
    let found = pick(&[token, entry(adopt)], &secrets).unwrap();
    let places: Vec<_> = found.iter().map(|found| found.place.as_str()).collect();
    assert_eq!(places, ["hub:t", "a-postgresql:password", "b-postgresql:password"]);
}

/// As the hub reads them: what its values name for it wins, key by key.
#[test]
fn the_secret_that_the_hub_is_pointed_at_wins() {
    let path = |path: &str| AdoptFrom { path: Some(path.into()), ..from("hub", "values.yaml") };
    let url = AdoptFrom { url: true, ..path("hub.db.url") };
    let values: &[u8] = b"hub: {existingSecret: mine, db: {url: 'x://u:pw@h'}, config: {A: {p: weak, q: kept}}}";
    let hub: Given<'_> =
        ("hub", &[("values.yaml", values), ("cookie", b"made by the chart"), ("token", b"the chart's")]);
    let mine: Given<'_> = ("mine", &[("cookie", b"in use"), ("values.yaml", b"hub: {config: {A: {p: strong}}}")]);
    let adopt = vec![from("hub", "cookie"), from("hub", "token"), path("hub.config.A.p"), path("hub.config.A.q"), url];
    assert_eq!(
        picked(adopt.clone(), &[hub, mine]),
        [
            pair("mine:cookie", "in use"),
            pair("hub:token", "the chart's"),
            pair("mine:values.yaml:hub.config.A.p", "strong"),
            pair("hub:values.yaml:hub.config.A.q", "kept"),
            pair("hub:values.yaml:hub.db.url", "pw"),
        ]
    );
    assert_eq!(picked(adopt, &[hub])[0], pair("hub:cookie", "made by the chart"), "it was deleted: the hub's own");
}
