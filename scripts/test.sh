#!/usr/bin/env bash
# Every check and every test, the quick ones first.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/test.sh [--fast]

  --fast   stop before the tests that need a cluster or the real applications:
           under 3 minutes once built

Needs cargo with rustfmt and clippy, and Go to build what the tests run against:
real Helm 3 and Helm 4, and a real control plane. All of them are built once, into
${XDG_CACHE_HOME:-~/.cache}/helm-iris: about 15 minutes on 2 cores. The real
applications of a hub come from packages (scripts/apps.sh -h). No other cluster
is touched, whatever KUBECONFIG says, and everything that is started is ended.

Kills, faults, races and a large cluster are tried a few times here, and in full
by scripts/soak.sh.

A rung that fails does not stop those after it. What could not be tried says
SKIPPED and why. Exit code 0 if nothing failed, else 1.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/helm-iris
deny_version=0.20.2
fast=
passed=0 failed=0 skipped=0
failures=()
log=$(mktemp)

say() { printf '%s\n' "$*"; }
skip() { say "SKIPPED $*"; }
missing() {
  printf 'test.sh: %s is needed\n  fix: %s\n' "$1" "$2" >&2
  exit 1
}

# --- what must be there ------------------------------------------------------

# debian PACKAGE: installs it where that is possible without asking anybody.
debian() {
  [[ ${CI:-} == true && $EUID == 0 ]] && command -v apt-get >/dev/null || return 1
  { apt-get install -qq --no-install-recommends "$1" || { apt-get update -qq && apt-get install -qq --no-install-recommends "$1"; }; } >/dev/null 2>&1
}

component() {
  cargo "$1" --version >/dev/null 2>&1 || rustup component add "$2" >/dev/null 2>&1 ||
    missing "cargo $1" "rustup component add $2"
}

prepare() {
  command -v cargo >/dev/null || missing "cargo" "install Rust: https://rustup.rs"
  component fmt rustfmt
  component clippy clippy
  command -v go >/dev/null || missing "Go 1.26 or newer, which builds Helm and the control plane," "https://go.dev/dl"
}

# --- rungs -------------------------------------------------------------------

# rung NAME COMMAND…: runs it, says how long it took, and counts: the tests in it
# by the lines of cargo, or else the rung itself as one.
rung() {
  local name=$1 began=${EPOCHREALTIME/[.,]/} code=0 ok bad left
  shift
  printf '\n=== %s\n' "$name"
  # Not in an `if`, where bash would overlook a failure inside a function.
  set +e
  (set -e; "$@") </dev/null 2>&1 | tee "$log"
  code=${PIPESTATUS[0]}
  set -e
  read -r ok bad left < <(awk '
    /^test result: / { ran = 1; for (i = 1; i < NF; i++) { if ($(i+1) == "passed;") ok += $i; if ($(i+1) == "failed;") bad += $i; if ($(i+1) == "ignored;") left += $i } }
    /^SKIPPED/ { left++; skip = 1 }
    END { print (ran || skip ? ok + 0 : "-"), bad + 0, left + 0 }' "$log")
  if [[ $ok == - ]]; then ok=$((code == 0)); fi
  if ((code != 0 && bad == 0)); then bad=1; fi
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + left))
  if ((code != 0)); then failures+=("$name"); fi
  say "--- $name: $( ((code == 0)) && echo ok || echo FAILED), $(((${EPOCHREALTIME/[.,]/} - began + 500000) / 1000000)) s"
}

scripts_are_right() {
  if command -v shellcheck >/dev/null || debian shellcheck; then
    shellcheck scripts/*.sh .ci/run plugin.complete
  else
    skip "shell scripts: shellcheck is not installed"
  fi
  local unformatted
  unformatted=$(gofmt -l tests/testbed)
  [[ -z $unformatted ]] || { say "not as gofmt would have it: $unformatted"; return 1; }
}

deny() {
  if ! cargo deny --version >/dev/null 2>&1; then
    PATH=$cache/cargo-deny/bin:$PATH
    if [[ $(cargo deny --version 2>/dev/null) != "cargo-deny $deny_version" ]]; then
      say "building cargo-deny $deny_version (once; about 5 minutes on 2 cores)"
      cargo install cargo-deny --version "$deny_version" --locked --debug --quiet --force --root "$cache/cargo-deny" \
        --target-dir "$cache/cargo-deny/target"
      rm -rf "$cache/cargo-deny/target"
    fi
  fi
  cargo deny --locked check --hide-inclusion-graph licenses bans sources
  if timeout 60 cargo deny fetch db >"$log.fetch" 2>&1; then
    cargo deny --locked check --disable-fetch advisories
  else
    skip "advisories: the database of known vulnerabilities cannot be fetched: $(grep -m 1 -o 'fail.*' "$log.fetch" | cut -c1-120 || true)"
  fi
  rm -f "$log.fetch"
}

documentation() { RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked --quiet; }

quick_rungs() {
  rung "format" cargo fmt --check
  rung "scripts" scripts_are_right
  rung "lints" cargo clippy --all-targets --locked --quiet -- -D warnings
  rung "documentation" documentation
  rung "licences and advisories" deny
  rung "tools: Helm 3 and Helm 4" scripts/tools.sh helm
  rung "1: unit and property tests" cargo test --locked --quiet --lib --bins
  rung "1: examples in the documentation" cargo test --locked --quiet --doc
  rung "2-4: transcripts, contracts, real Helm" cargo test --locked --quiet --test it -- --skip cluster:: --skip apps:: --show-output
}

# --- real applications -------------------------------------------------------

# The tests that want them say so by themselves where they are not to be had.
install_applications() {
  local code=0
  scripts/apps.sh install || code=$?
  if ((code == 4)); then skip "real applications: what they need is not to be had, as said above"; fi
  ((code == 0 || code == 4))
}

with_applications() { cargo test --locked --quiet --test it -- apps:: --show-output; }

# --- with a control plane ----------------------------------------------------

# Most of a test's time is waiting for the cluster, so two of them are at work, each for every other test. A folder
# of their own: whatever a developer has running stays as it is.
testbeds=("$root/target/testbed-of-test" "$root/target/testbed-of-test-2")

each_testbed() {
  local state
  for state in "${testbeds[@]}"; do IRIS_TESTBED=$state "$root/scripts/testbed.sh" "$1"; done
}

# half NUMBER: every other test, on the testbed of that number.
half() {
  local -a names
  mapfile -t names < <(cargo test --locked --quiet --test it -- cluster:: --list --format terse | sed -n 's/: test$//p' |
    awk -v half="$1" 'NR % 2 == half')
  ((${#names[@]})) || { say "no test was found"; return 1; }
  export IRIS_TESTBED=${testbeds[$1]}
  eval "$("$root/scripts/testbed.sh" env)"
  cargo test --locked --quiet --test it -- --exact "${names[@]}" --show-output
}

with_a_cluster() {
  local code=0 one other
  cargo test --locked --quiet --test it --no-run
  half 0 &
  one=$!
  half 1 >"$log.other" 2>&1 &
  other=$!
  wait "$one" || code=1
  wait "$other" || code=1
  cat "$log.other"
  rm -f "$log.other"
  return "$code"
}

end_testbeds() { each_testbed down; }

cluster_rungs() {
  trap end_testbeds EXIT
  rung "control planes" each_testbed up
  rung "5: a real control plane" with_a_cluster
  trap - EXIT
  rung "control planes end" end_testbeds
}

main() {
  case ${1:-} in
    "") ;;
    --fast) fast=1 ;;
    -h | --help)
      usage
      return
      ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  cd "$root"
  prepare
  unset KUBECONFIG HELM_NAMESPACE HELM_KUBECONTEXT
  export HELM3=$cache/testbed/helm3/helm HELM4=$cache/testbed/helm4/helm CARGO_TERM_COLOR=never RUST_BACKTRACE=0
  quick_rungs
  if [[ -z $fast ]]; then
    rung "tools: JupyterHub, Dask Gateway, PostgreSQL" install_applications
    if scripts/apps.sh install >/dev/null 2>&1; then export IRIS_TEST_APPS=1; fi
    cluster_rungs
    rung "6: real applications" with_applications
  fi
  rm -f "$log"

  say ""
  if ((${#failures[@]})); then printf 'FAILED: %s\n' "${failures[@]}"; fi
  say "$passed passed, $failed failed, $skipped skipped"
  ((${#failures[@]} == 0))
}

main "$@"
