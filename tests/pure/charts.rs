//! Charts that somebody writes: any text is taken or refused with a place, and never a panic.

use helm_iris::chart::{self, Chart};
use helm_iris::context::{Context, DatabaseEndpoint, GatewayContext, ReleaseContext};
use helm_iris::error::Error;
use helm_iris::library::Library;
use helm_iris::settings::Settings;
use proptest::prelude::*;

use crate::common::TestEnv;

const RELEASE: &str = "description: x\nsource: {repo: https://charts.example.org, chart: x, version: 1.0.0}\n";

/// Loads the chart `mine` of a working folder.
fn chart(env: &TestEnv, release: &str, template: &str) -> Result<Chart, Error> {
    env.write("charts/mine/release.yaml", release);
    env.write("charts/mine/values.yaml.tera", template);
    chart::load(&Library::new(vec![env.path("")]), "mine")
}

fn render(chart: &Chart) -> Result<serde_json::Value, Vec<helm_iris::problem::Problem>> {
    let release = ReleaseContext { name: "r".to_owned(), namespace: "n".to_owned(), chart: "mine".to_owned() };
    let gateway = GatewayContext { tells_tokens: true };
    let context = Context::build(&Settings::default(), release, DatabaseEndpoint::default(), gateway, None);
    helm_iris::render::values(chart, &context, "values.yaml").map(|rendered| rendered.document.value)
}

/// Pieces of templates, right and wrong, in any order.
fn template() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "{{-",
        "-}}",
        "{%-",
        " if ",
        " for ",
        " in ",
        " endif ",
        " endfor ",
        " else ",
        " elif ",
        " set ",
        " include ",
        " raw ",
        "users",
        ".",
        "image",
        "name",
        "|",
        " yaml ",
        " safe ",
        " default(value=\"x\") ",
        "\"",
        "'",
        "`",
        "~",
        "(",
        ")",
        "[",
        "]",
        ",",
        "=",
        "==",
        " not ",
        " and ",
        " loop.first ",
        "release.name",
        "login.adminUsers",
        " x ",
        "a: ",
        "\n",
        "\n  ",
        "- ",
        "|\n",
        "# ",
        "é",
        "\u{2028}",
        "0755",
        "{",
        "}",
        "a: {{ release.name | yaml }}\n",
        "{% for x in login.adminUsers %}",
        "{% endfor %}",
        "{% if users.prePull %}",
        "{% endif %}",
        "{{ x | yaml }}",
    ]);
    prop_oneof![prop::collection::vec(piece, 0..14).prop_map(|parts| parts.concat()), "\\PC{0,60}"]
}

proptest! {
    #![proptest_config(crate::common::cases(160))]

    #[test]
    fn any_template_is_refused_with_a_place_or_renders(text in template()) {
        let env = TestEnv::new();
        let lines = text.split('\n').count();
        match chart(&env, RELEASE, &text) {
            Ok(chart) => {
                // What the check lets pass, Tera may still refuse, with a place; it never panics.
                if let Err(problems) = render(&chart) {
                    prop_assert!(!problems.is_empty());
                }
            }
            Err(error) => {
                prop_assert!(!error.problems.is_empty(), "{:?}", error);
                for problem in error.problems {
                    let place = problem.place.ok_or_else(|| TestCaseError::fail(format!("{problem:?} has no place")))?;
                    prop_assert!(place.line <= lines, "{:?} in {:?}", problem, text);
                }
            }
        }
    }

    #[test]
    fn a_timeout_is_a_number_of_seconds_minutes_or_hours(text in "[0-9]{0,24}[smhd]{0,2}|\\PC{0,5}|-?[0-9]{1,3}[ .]?[smh]") {
        let number = text.strip_suffix(['s', 'm', 'h']).filter(|number| number.bytes().all(|b| b.is_ascii_digit()));
        let unit = match text.bytes().last() { Some(b'h') => 3600, Some(b'm') => 60, _ => 1_u64 };
        let right = number.and_then(|number| number.parse::<u64>().ok()).and_then(|number| number.checked_mul(unit));
        let release = format!("{RELEASE}timeout: {}\n", helm_iris::yaml::inline(&serde_json::json!(text)));
        let loaded = chart(&TestEnv::new(), &release, "a: 1\n");
        prop_assert_eq!(loaded.is_ok(), right.is_some_and(|seconds| seconds > 0), "{:?}: {:?}", text, loaded.map(|chart| chart.spec.timeout));
    }

    #[test]
    fn any_release_is_refused_with_a_reason_or_taken(text in "\\PC{0,60}|[a-z:\\[\\]{}\"' \n-]{0,80}") {
        if let Err(error) = chart(&TestEnv::new(), &text, "a: 1\n") {
            prop_assert!(!error.problems.is_empty(), "{:?}", error);
        }
    }
}

/// A control: what is right is taken, and says what it should.
#[test]
fn a_right_chart_renders() {
    let chart = chart(&TestEnv::new(), RELEASE, "a: {{ release.name | yaml }}\n").unwrap();
    assert_eq!(render(&chart).unwrap(), serde_json::json!({"a": "r"}));
}
