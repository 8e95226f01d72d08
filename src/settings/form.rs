//! The forms that some settings must have, where they are read. The patterns beside them say the
//! same in the JSON schema, for editors and for explanations; a test holds the two together.

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Number;

/// A name as DNS has it: a StorageClass, a namespace.
pub(super) fn dns_name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text(from, |text| {
        let bytes = text.as_bytes();
        text.bytes().all(inner) && outer(bytes.first()) && outer(bytes.last())
    })
}

/// A host name or an IP address.
pub(super) fn host<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':');
    text(from, |text| {
        let bytes = text.as_bytes();
        bytes.iter().copied().all(inner)
            && bytes.first().is_some_and(|first| first.is_ascii_alphanumeric() || *first == b':')
            && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
    })
}

/// Memory as JupyterHub and Dask Gateway write it: `512M`.
pub(super) fn memory<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    text(from, |text| text.strip_suffix(['K', 'M', 'G', 'T']).is_some_and(is_decimal))
}

/// The size of a volume as Kubernetes writes it: `10Gi`.
pub(super) fn size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    text(from, |text| text.strip_suffix('i').unwrap_or(text).strip_suffix(['K', 'M', 'G', 'T']).is_some_and(is_decimal))
}

/// When something is done again and again, as cron says it: five fields, or a word for them.
pub(super) fn schedule<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    const WORDS: [&str; 7] = ["yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"];
    let field = |field: &str| {
        !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*/,?-".contains(&byte))
    };
    text(from, |text| match text.strip_prefix('@') {
        Some(word) => WORDS.contains(&word),
        None => text.split(' ').count() == 5 && text.split(' ').all(field),
    })
}

/// A name that SQL takes without quotes.
pub(super) fn sql_name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    /// `NAMEDATALEN` of PostgreSQL is 64, one of it for the end.
    const MOST: usize = 63;
    text(from, |text| {
        let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        text.len() <= MOST && text.bytes().all(word) && text.starts_with(|first: char| !first.is_ascii_digit())
    })
}

/// A chart's version.
pub(super) fn version<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    text(from, |text| {
        let rest = |byte: u8| byte.is_ascii_alphanumeric() || b".+_-".contains(&byte);
        text.bytes().all(rest) && text.starts_with(|first: char| first.is_ascii_alphanumeric())
    })
}

/// The digest of an archive.
pub(super) fn sha256<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    text(from, |text| text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

/// So many cores.
pub(super) fn cores<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Number>, D::Error> {
    let given = Option::<Number>::deserialize(from)?;
    let fits = given.as_ref().is_none_or(|number| number.as_f64().is_some_and(|cores| cores >= 0.0));
    if fits { Ok(given) } else { Err(D::Error::custom("less than nothing")) }
}

fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    digits(whole) && digits(part)
}

fn text<'de, D: Deserializer<'de>>(from: D, is_right: impl Fn(&str) -> bool) -> Result<Option<String>, D::Error> {
    let given = Option::<String>::deserialize(from)?;
    let fits = given.as_deref().is_none_or(is_right);
    // The schema tells people what is wrong, and where.
    if fits { Ok(given) } else { Err(D::Error::custom("not of the right form")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use crate::schema;
    use crate::settings::Settings;

    /// Every setting that has a form, and texts that nearly have it.
    fn document() -> impl Strategy<Value = Value> {
        let places = prop::sample::select(vec![
            "/storage/className",
            "/users/memory/limit",
            "/users/homeSize",
            "/users/cpu/limit",
            "/users/idleTimeout",
            "/users/prePull",
            "/database/name",
            "/database/backup/schedule",
            "/database/backup/keep",
            "/sources/a/version",
            "/sources/a/sha256",
            "/storage/newClass",
            "/storage/newClass/reclaimPolicy",
            "/scheduling/userTolerations",
            "/login",
            "/secretMode",
        ]);
        let leaf = prop_oneof![
            "[-.a-zA-Z0-9_+]{0,6}".prop_map(Value::from),
            "[0-9]{0,2}\\.?[0-9]{0,2}[KMGTk]?i?".prop_map(Value::from),
            "[0-9a-f]{63,65}".prop_map(Value::from),
            "[a-z_][a-z0-9_]{60,64}".prop_map(Value::from),
            "\\PC{0,3}\n?".prop_map(Value::from),
            "[0-9*]{1,2}( [0-9*/,-]{1,2}){3,5}".prop_map(Value::from),
            "@(dai|hour|even)ly".prop_map(Value::from),
            prop::sample::select(vec!["Delete", "Retain", "existing", "4.4.0", "1G\n", "é"]).prop_map(Value::from),
            (-3_i64..6_000_000_000).prop_map(Value::from),
            (-1.0..4.0).prop_map(|number: f64| json!(number)),
            Just(json!(true)),
            Just(json!([])),
            Just(json!(["a", "b", {}, "Retain"])),
            Just(json!([{"key": "a", "operator": "Exists"}, ["a"]])),
            Just(json!({"Delete": null})),
            Just(json!({"name": "a", "parameters": {"b": 1}})),
            Just(json!({})),
        ];
        (places, leaf).prop_map(|(place, leaf)| {
            place.rsplit('/').filter(|step| !step.is_empty()).fold(leaf, |inner, step| json!({step: inner}))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn what_is_read_without_the_schema_is_what_the_schema_allows(document in document()) {
            static SCHEMA: std::sync::LazyLock<jsonschema::Validator> =
                std::sync::LazyLock::new(|| jsonschema::draft7::new(&schema::of::<Settings>()).unwrap());
            if crate::layers::is_as_read(&document) {
                prop_assert!(SCHEMA.is_valid(&document), "{document}");
            } else if SCHEMA.is_valid(&document) {
                // Then the schema is asked, which takes longer and says the same; numbers written
                // as text of another form are the only such.
                prop_assert!(serde_json::from_value::<Settings>(document.clone()).is_ok(), "{document}");
            }
        }
    }
}
