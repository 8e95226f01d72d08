//! The forms that some settings must have: where they are read, and for the JSON schema, which editors and
//! explanations use. A test holds the two together.

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Number;

use crate::schema::Form;

pub(super) const DNS_NAME: Form = Form {
    pattern: r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$",
    wrong: "no name as Kubernetes has them",
    fix: "use a-z, 0-9, - and ., with a letter or digit at both ends, e.g. fast-1",
};

/// A name as DNS has it: a StorageClass, a namespace.
pub(super) fn dns_name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text(from, |text| {
        let bytes = text.as_bytes();
        text.bytes().all(inner) && outer(bytes.first()) && outer(bytes.last())
    })
}

pub(super) const HOST: Form = Form {
    pattern: r"^[0-9A-Za-z:]([-.:0-9A-Za-z]*[0-9A-Za-z])?$",
    wrong: "neither a host name nor an IP address",
    fix: "write it alone, without scheme, port or path, e.g. db.example.org or 192.0.2.7",
};

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

pub(super) const MEMORY: Form = Form {
    pattern: r"^[0-9]+(\.[0-9]+)?[KMGT]$",
    wrong: "no amount of memory",
    fix: "write a number and K, M, G or T, e.g. 512M or 4G",
};

/// Memory as JupyterHub and Dask Gateway write it: `512M`.
pub(super) fn memory<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    text(from, |text| text.strip_suffix(['K', 'M', 'G', 'T']).is_some_and(is_decimal))
}

pub(super) const SIZE: Form = Form {
    pattern: r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|K|M|G|T)$",
    wrong: "no size of a volume",
    fix: "write a number and Mi, Gi or Ti, e.g. 10Gi",
};

/// The size of a volume as Kubernetes writes it: `10Gi`.
pub(super) fn size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    text(from, |text| text.strip_suffix('i').unwrap_or(text).strip_suffix(['K', 'M', 'G', 'T']).is_some_and(is_decimal))
}

pub(super) const SCHEDULE: Form = Form {
    pattern: r"^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*/,?-]+( [0-9A-Za-z*/,?-]+){4})$",
    wrong: "no schedule as cron has them",
    fix: "write minute, hour, day, month and day of the week, e.g. \"15 2 * * *\" for every night at 2:15 (UTC); or @daily",
};

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

pub(super) const SQL_NAME: Form = Form {
    pattern: r"^[a-z_][a-z0-9_]{0,62}$",
    wrong: "no name that PostgreSQL takes without quotes",
    fix: "use a-z, 0-9 and _, not beginning with a digit, at most 63 characters, e.g. jhub",
};

/// A name that SQL takes without quotes.
pub(super) fn sql_name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    /// `NAMEDATALEN` of PostgreSQL is 64, one of it for the end.
    const MOST: usize = 63;
    text(from, |text| {
        let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        text.len() <= MOST && text.bytes().all(word) && text.starts_with(|first: char| !first.is_ascii_digit())
    })
}

pub(super) const ROLE: Form = Form {
    pattern: r"^[^\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+$",
    wrong: "no name of a role",
    fix: "write it as the server has it, e.g. postgres, without line breaks and characters that nobody sees",
};

/// A role that somebody else named, with whatever people can see.
pub(super) fn role<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    text(from, |text| !text.is_empty() && !text.chars().any(is_unseen))
}

/// Control characters and those that only change how others are shown, e.g. their direction.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{feff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

pub(super) const VERSION: Form =
    Form { pattern: r"^[0-9A-Za-z][0-9A-Za-z.+_-]*$", wrong: "no version", fix: "write a version, e.g. 4.4.0" };

/// A chart's version.
pub(super) fn version<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    text(from, |text| {
        let rest = |byte: u8| byte.is_ascii_alphanumeric() || b".+_-".contains(&byte);
        text.bytes().all(rest) && text.starts_with(|first: char| first.is_ascii_alphanumeric())
    })
}

pub(super) const SHA256: Form = Form {
    pattern: r"^[0-9a-f]{64}$",
    wrong: "no SHA-256",
    fix: "write its 64 hex digits, small ones, as `sha256sum FILE` prints them",
};

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
            "/database/host",
            "/database/adminUser",
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
            "[a\u{9f}\u{ad}\u{61c}\u{200a}-\u{2070}\u{feff}]{0,2}".prop_map(Value::from),
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

    #[test]
    fn every_pattern_has_words_beside_it() {
        fn patterns(part: &Value, found: &mut Vec<Value>) {
            match part {
                Value::Object(map) => {
                    if map.get("pattern").is_some_and(Value::is_string) {
                        found.push(part.clone());
                    }
                    map.values().for_each(|part| patterns(part, found));
                }
                Value::Array(items) => items.iter().for_each(|part| patterns(part, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        patterns(&schema::of::<Settings>(), &mut found);
        patterns(&schema::of::<crate::secrets::SecretKind>(), &mut found);
        assert!(found.len() > 15, "{found:?}");
        for part in found {
            let words = part["patternErrorMessage"].as_str().unwrap_or_default();
            assert_eq!(words.matches(": ").count(), 1, "{part}");
        }
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
