#!/usr/bin/env bash
# The claims on speed, memory and size, measured beside what they are compared with.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/bench.sh [--no-cluster]

  --no-cluster   only what needs no control plane: render, memory, size

Prints each claim with what was measured, the limit, and ok or NOT. Claims are
ratios of medians of commands that take turns in one run, so that a slower or a
busy machine slows both sides. Exit code 0 if all claims hold, else 1.

  HELM     the helm to compare with (default: the pinned Helm 4 of scripts/tools.sh)
  CHARTS   a folder with the archives of jupyterhub and dask-gateway to use
           (default: the upstream ones if they can be reached, else the stand-ins)
  RUNS     how often each command runs (default 30; installs fewer)
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/helm-iris/testbed
helm=${HELM:-$cache/helm4/helm}
runs=${RUNS:-30}
work=$(mktemp -d)
broken=0
served=

say() { printf '%s\n' "$*" >&2; }

finish() {
  [[ -z $served ]] || kill "$served" 2>/dev/null || true
  if [[ -n ${IRIS_TESTBED:-} ]]; then "$root/scripts/testbed.sh" down; fi
  rm -rf "$work"
}

# --- measuring ---------------------------------------------------------------

# timed NAME COMMAND…: adds its microseconds to the samples of NAME. A command that fails ends all.
timed() {
  local name=$1 began ended
  shift
  began=${EPOCHREALTIME/[.,]/}
  "$@" </dev/null >"$work/out" 2>&1 || { say "failed: $*"; cat "$work/out" >&2; exit 1; }
  ended=${EPOCHREALTIME/[.,]/}
  echo $((ended - began)) >>"$work/$name.us"
}

# median NAME: in milliseconds.
median() { sort -n "$work/$1.us" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2000 }'; }

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }

# claim WHAT MEASURED LIMIT UNIT [NOTE]
claim() {
  local word=ok
  awk -v a="$2" -v b="$3" 'BEGIN { exit !(a <= b) }' || { word=NOT; broken=1; }
  printf '%-46s %9s  ≤ %-6s %-4s %-4s %s\n' "$1" "$2" "$3" "$4" "$word" "${5:-}"
}

# --- preparing ---------------------------------------------------------------

# iris: the program, in an environment that holds no cluster of the user's.
iris() { HELM_BIN=$helm "$iris" "$@"; }

# serve FOLDER: a chart repository on loopback; sets `url`.
serve() {
  local testbed port folder=$work/charts
  testbed=$(find "$cache" -path '*/control-plane-*/testbed' -type f -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
  [[ -n $testbed ]] || { say "build the control plane first: scripts/testbed.sh up"; exit 1; }
  mkdir "$folder"
  cp "$1"/*.tgz "$folder"
  "$helm" repo index "$folder"
  port=$("$testbed" ports 1)
  "$testbed" repo "$folder" "127.0.0.1:$port" </dev/null >/dev/null 2>&1 &
  served=$!
  url=http://127.0.0.1:$port
  sleep 0.3
}

# site_file URL FOLDER: both charts from there.
site_file() {
  local name
  echo "sources:"
  for name in jupyterhub dask-gateway; do
    printf '  %s: {repo: "%s", sha256: "%s"}\n' "$name" "$1" "$(sha256sum "$2/$name"-[0-9]*.tgz | cut -d' ' -f1)"
  done
}

prepare() {
  "$root/scripts/tools.sh" helm >&2
  say "building helm-iris for release"
  iris=$(cd "$root" && cargo build --release --locked --quiet --bin helm-iris --message-format json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
  export HELM_CACHE_HOME=$work/cache HELM_CONFIG_HOME=$work/config HELM_DATA_HOME=$work/data XDG_CONFIG_HOME=$work/xdg
  unset KUBECONFIG HELM_NAMESPACE HELM_KUBECONTEXT
  mkdir "$work/hub"
  cd "$work/hub"
  local from
  if [[ -n ${CHARTS:-} ]]; then
    serve "$CHARTS"
    site_file "$url" "$work/charts" >iris.yaml
    from="the charts of $CHARTS"
  elif timeout 60 env HELM_BIN="$helm" "$iris" charts pull daskhub --profile cumulus >/dev/null 2>&1; then
    from="the upstream charts"
  else
    "$root/scripts/testbed.sh" charts "$work/stand-ins"
    serve "$work/stand-ins"
    site_file "$url" "$work/charts" >iris.yaml
    from="the stand-in charts: upstream cannot be reached"
  fi
  iris charts pull daskhub --profile cumulus >&2
  say "with $from; $("$helm" version --template '{{.Version}}'); $runs runs; load $(cut -d' ' -f1 /proc/loadavg)"
}

# --- claims ------------------------------------------------------------------

rendering() {
  local run peak
  if iris render daskhub --profile cumulus 2>&1 | grep 'was not checked' >&2; then exit 1; fi
  for ((run = 0; run < runs + 2; run++)); do
    rm -rf dhub
    timed render iris render daskhub --profile cumulus --quiet
    timed version "$helm" version
  done
  claim "render / helm version" "$(ratio "$(median render)" "$(median version)")" 0.25 "" \
    "$(median render) / $(median version) ms"

  rm -rf dhub
  command -v /usr/bin/time >/dev/null || { say "the peak memory needs GNU time: apt-get install time"; return; }
  HELM_BIN=$helm /usr/bin/time -f %M -o "$work/peak" "$iris" render daskhub --profile cumulus --quiet 2>/dev/null
  peak=$(tail -n 1 "$work/peak")
  claim "peak memory of render" "$(awk -v k="$peak" 'BEGIN { printf "%.1f", k * 1024 / 1e6 }')" 30 MB
}

size() { claim "size of the program" "$(stat -c %s "$iris" | awk '{ printf "%.1f", $1 / 1e6 }')" 20 MB; }

# first_install NAMESPACE: its own time is all but that inside helm and inside waits, which the
# program tells itself in its log.
first_install() {
  local before after others
  before=${EPOCHREALTIME/[.,]/}
  HELM_IRIS_LOG=helm_iris=info iris install daskhub --profile cumulus --yes -n "$1" >"$work/out" 2>"$work/log" ||
    { cat "$work/log" >&2; exit 1; }
  after=${EPOCHREALTIME/[.,]/}
  others=$(grep -o 'took_ms=[0-9]*' "$work/log" | awk -F= '{ ms += $2 } END { print ms + 0 }')
  ((others > 0)) || { say "no took_ms in the log: the time inside helm is not known"; exit 1; }
  echo $((after - before - others * 1000)) >>"$work/own.us"
}

# plain: what a person would have typed, as the bundle has it for review.
plain() {
  local command
  while IFS= read -r command; do
    (cd dhub && PATH=${helm%/*}:$PATH sh -c "$command")
  done < <(sed -n 's/^ *command: //p' dhub/bundle.yaml)
}

# changing SED: the commands of the bundle for the two releases that change, as SED makes them.
changing() { sed -n 's/^ *command: //p' dhub/bundle.yaml | grep -v ' --install storage ' | sed "$1"; }

# beside SED: what helm does for them, side by side.
beside() {
  local command job jobs=()
  while IFS= read -r command; do
    (cd dhub && PATH=${helm%/*}:$PATH sh -c "$command") &
    jobs+=($!)
  done < <(changing "$1")
  ((${#jobs[@]} == 2)) || { say "not two releases change: ${#jobs[@]}"; return 1; }
  for job in "${jobs[@]}"; do wait "$job" || return 1; done
}

# in_turn SED: the same, one after another.
in_turn() {
  local command
  while IFS= read -r command; do
    (cd dhub && PATH=${helm%/*}:$PATH sh -c "$command") || return 1
  done < <(changing "$1")
}

# A plan of two releases that change, against the helm commands that it needs.
planning() {
  local run plan=(iris plan daskhub --profile cumulus --set users.idleTimeout=7200 --set database.size=9Gi)
  local version template dry='s/$/ --dry-run=server/'
  version=$("$helm" version --template '{{.Version}}')
  template="s/ upgrade --install / template /; s/ --create-namespace//; s/ --reset-values//; s/ --timeout [^ ]*//"
  template+="; s/ --history-max .*//; s/\$/ --dry-run=server --is-upgrade --no-hooks/"
  "${plan[@]}" --output json | grep -c '"action": "upgrade"' >&2
  for ((run = 0; run < (runs > 10 ? 10 : runs); run++)); do
    timed plan "${plan[@]}" --no-drift
    timed template beside "$template"
    timed template-in-turn in_turn "$template"
    timed plan-with-drift "${plan[@]}"
    timed dry-run beside "$dry"
  done
  claim "plan without drift / helm template" "$(ratio "$(median plan)" "$(median template)")" 1.15 "" \
    "$(median plan) / $(median template) ms, $version; $(ratio "$(median plan)" "$(median template-in-turn)") of them one after another"
  claim "plan with drift / helm upgrade --dry-run=server" "$(ratio "$(median plan-with-drift)" "$(median dry-run)")" \
    1.15 "" "$(median plan-with-drift) / $(median dry-run) ms"
}

installing() {
  local run
  export IRIS_TESTBED=$root/target/testbed-of-bench
  "$root/scripts/testbed.sh" up
  eval "$("$root/scripts/testbed.sh" env)"
  for run in 1 2 3 4 5; do first_install "hub$run"; done
  claim "first install, without helm and waits" "$(median own)" 300 ms

  iris install daskhub --profile cumulus --yes >&2
  for ((run = 0; run < (runs > 20 ? runs : 20); run++)); do
    timed unchanged iris install daskhub --profile cumulus --yes
  done
  # Few of these, since each adds a revision, and each revision makes the next one dearer.
  cp "$work"/cache/helm-iris/*.tgz dhub
  for run in 1 2 3 4 5; do timed plain plain; done
  claim "unchanged install / plain helm upgrade --install" "$(ratio "$(median unchanged)" "$(median plain)")" 0.08 "" \
    "$(median unchanged) / $(median plain) ms"
  planning
}

main() {
  case ${1:-} in
    "" | --no-cluster) ;;
    -h | --help)
      usage
      return
      ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  trap finish EXIT
  prepare
  rendering
  size
  [[ ${1:-} == --no-cluster ]] || installing
  ((broken == 0))
}

main "$@"
