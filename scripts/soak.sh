#!/usr/bin/env bash
# What scripts/test.sh tries a few times, many times: kills, faults, races, and a large cluster.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/soak.sh [kills|faults|races|scale|all]... [--seed N] [--again] [--write]

  kills    200 kills in installs, upgrades, uninstalls and returns: half an hour
  faults   100 installs through a network that fails at one request in ten:
           20 minutes
  races    20 installs of one hub at once, 10 different hubs at once: 2 minutes
  scale    1,000 nodes, 5,000 pods, 2,000 claims, 3,000 Secrets: 10 minutes
  all      all of them, the default

  --seed N   what chance decides is decided by N (default: by the date)
  --again    run also what passed before with this seed and these sources
  --write    put the figures into docs/reliability.md

Times are those of 2 cores. Each part has a control plane of its own that ends with it.
Logs and figures are in target/soak; a part that passed is not run again with
the same seed and sources, so what was stopped can be gone on with (give --seed).
What is tried, and what the figures mean: docs/reliability.md.

  KILLS, FAULTS   other numbers of kills and installs than these

Needs cargo and Go, as scripts/test.sh does. Exit code 0 if all parts pass, else 1.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
place=$root/target/soak
document=$root/docs/reliability.md
parts=()
seed=
again=
write=

say() { printf '%s\n' "$*"; }
wrong() {
  printf 'soak.sh: %s\n\n' "$1" >&2
  usage >&2
  exit 2
}

read_arguments() {
  while (($#)); do
    case $1 in
      kills | faults | races | scale) parts+=("$1") ;;
      all) parts+=(kills faults races scale) ;;
      --seed)
        [[ ${2:-} =~ ^[0-9]{1,18}$ ]] || wrong "--seed takes a number"
        seed=$2
        shift
        ;;
      --again) again=1 ;;
      --write) write=1 ;;
      -h | --help)
        usage
        exit
        ;;
      *) wrong "$1 is not known" ;;
    esac
    shift
  done
  ((${#parts[@]})) || parts=(kills faults races scale)
  seed=${seed:-$(date -u +%Y%m%d)}
}

# --- parts -------------------------------------------------------------------

# tests PART: a line for each test of it, with its count.
tests() {
  case $1 in
    kills) echo "kills::killed_anywhere_the_same_command_finishes ${KILLS:-200}" ;;
    faults) echo "faults::most_installations_bear_one_fault_in_ten_requests ${FAULTS:-100}" ;;
    races)
      echo "at_once::of_many_who_install_the_same_hub_one_works 20"
      echo "at_once::different_hubs_at_once_make_one_default_class 10"
      ;;
    scale) echo "scale::a_large_cluster_is_looked_at_in_little_time_and_memory 1" ;;
  esac
}

# sources: what names the sources as they are, documents aside.
sources() {
  local what=(src tests charts profiles scripts Cargo.toml Cargo.lock) changed
  changed=$(cd "$root" && { git diff HEAD -- "${what[@]}"; git ls-files --others --exclude-standard -- "${what[@]}"; } | sha256sum | cut -c1-8)
  # The digest of nothing: no file differs from the commit.
  printf '%s' "$(git -C "$root" log -1 --format=%h -- "${what[@]}")"
  [[ $changed == e3b0c442 ]] || printf ', changed (%s)' "$changed"
}

# versions: what it was tried with, in a line.
versions() {
  local kubernetes
  kubernetes=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' "$root/tests/testbed/go.mod")
  printf 'Kubernetes %s, Helm %s and %s, %s cores' "$kubernetes" \
    "$("$HELM3" version --template '{{.Version}}')" "$("$HELM4" version --template '{{.Version}}')" "$(nproc)"
}

# same PART: whether it passed before, in the same way.
same() { [[ -z $again && -f $place/$1.key && $(<"$place/$1.key") == "$(key "$1")" ]]; }
key() { printf '%s\n' "$seed" "$(sources)" "$(tests "$1")"; }

# run TEST COUNT PART: one test in full; its table goes into the part's figures.
run() {
  IRIS_SOAK=$2 IRIS_SOAK_SEED=$seed IRIS_SOAK_REPORT=$place/$3.table CARGO_TERM_COLOR=never RUST_BACKTRACE=0 \
    cargo test --locked --quiet --test it -- --exact "cluster::$1" --nocapture </dev/null 2>&1 | tee -a "$place/$3.log"
  # One that was left out has proved nothing.
  tail -n 5 "$place/$3.log" | grep -q '^test result: ok. 1 passed'
  ! grep -q '^SKIPPED' "$place/$3.log"
}

# soak PART: with a control plane of its own, so that no part meets what another one left.
soak() {
  local part=$1 began=$SECONDS test count
  rm -f "$place/$part".*
  export IRIS_TESTBED=$root/target/testbed-of-soak
  trap '"$root/scripts/testbed.sh" down' EXIT
  "$root/scripts/testbed.sh" up
  eval "$("$root/scripts/testbed.sh" env)"
  while read -r test count; do
    say "--- $test: $count"
    run "$test" "$count" "$part"
  done < <(tests "$part")
  {
    say "$(date -u +%Y-%m-%d), seed $seed, $(((SECONDS - began + 59) / 60)) minutes; commit $(sources); $(versions)."
    say ""
    cat "$place/$part.table"
  } >"$place/$part.md"
  key "$part" >"$place/$part.key"
}

# --- figures -----------------------------------------------------------------

# put PART: its figures take the place of those in the document.
put() {
  awk -v begin="<!-- figures of $1 -->" -v end="<!-- end of $1 -->" -v figures="$place/$1.md" '
    $0 == end { skip = 0 }
    !skip { print }
    $0 == begin { print ""; while ((getline line < figures) > 0) print line; print ""; skip = 1 }' "$document" >"$document.tmp"
  mv "$document.tmp" "$document"
}

main() {
  local part outcome began broken=0
  local -a lines=()
  read_arguments "$@"
  cd "$root"
  mkdir -p "$place"
  unset KUBECONFIG HELM_NAMESPACE HELM_KUBECONTEXT IRIS_SOAK IRIS_SOAK_SEED IRIS_SOAK_REPORT
  cargo test --locked --quiet --test it --no-run
  for part in "${parts[@]}"; do
    say "=== $part, seed $seed"
    began=$SECONDS
    if same "$part"; then
      outcome="passed before"
    else
      # Not in an `if`, where bash would overlook a failure inside a function.
      set +e
      (set -e; soak "$part")
      outcome=$?
      set -e
      if ((outcome == 0)); then outcome=passed; else outcome=FAILED broken=1; fi
    fi
    if [[ $outcome != FAILED && -n $write ]]; then put "$part"; fi
    lines+=("$(printf '%-8s %-14s %5d s   %s' "$part" "$outcome" $((SECONDS - began)) "target/soak/$part.log")")
  done
  say ""
  for part in "${parts[@]}"; do
    if [[ -f $place/$part.md ]]; then printf '%s: ' "$part" && cat "$place/$part.md" && say ""; fi
  done
  say "seed $seed"
  printf '%s\n' "${lines[@]}"
  ((broken == 0))
}

main "$@"
