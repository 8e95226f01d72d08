#!/usr/bin/env bash
# From nothing to a hub: the plugin in real Helm, values for review, then an installation on a real
# control plane of this machine.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/demo.sh

Builds helm-iris, installs it as a plugin of a real Helm, writes the bundle of the
Cumulus cloud for review, installs it on a control plane that runs on this machine
only, shows what runs there, and ends all of it again.

The first time it builds everything that it needs: on 2 cores 5 to 10 minutes for
helm-iris, 4 for Helm and 7 to 10 for Kubernetes, with cargo and Go. Later runs
take about a minute.

  HELM       the helm to use (default: the pinned Helm 4 of scripts/tools.sh)
  UPSTREAM=no  do not ask for the upstream charts: use the stand-ins of tests/charts

Your own Helm, its plugins and your clusters stay as they are. What was rendered
is left in target/demo to be read.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/helm-iris/testbed
place=$root/target/demo
export IRIS_TESTBED=$root/target/testbed-of-demo

bold='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' plain=$'\e[0m'; fi

step() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
# show COMMAND…: as a person would type it, then what it does.
show() {
  printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"
  "$@"
}
# extract LINES FILE: its beginning.
extract() {
  printf '\n%s$ head -n %s %s%s\n' "$bold" "$1" "$2" "$plain"
  head -n "$1" "$2"
}

finish() {
  local code=$?
  step "ending what was started"
  "$root/scripts/testbed.sh" down
  rm -rf "$home"
  if ((code == 0)); then
    printf '\nThe bundle is still in %s: begin with REVIEW.md.\n' "$place/dhub"
  else
    printf '\nThe demo stopped with exit code %s.\n' "$code" >&2
  fi
}

# A helm of the demo's own: nothing of the user's is read or written.
use_helm() {
  local helm=${HELM:-$cache/helm4/helm}
  home=$(mktemp -d)
  trap finish EXIT
  mkdir "$home/bin"
  ln -s "$helm" "$home/bin/helm"
  export PATH=$home/bin:$PATH HELM_DATA_HOME=$home/data HELM_CONFIG_HOME=$home/config HELM_CACHE_HOME=$home/cache
  export XDG_CONFIG_HOME=$home/xdg
  unset HELM_NAMESPACE HELM_KUBECONTEXT HELM_BIN
}

# get_charts: the upstream charts where they can be reached, else our stand-ins for them.
get_charts() {
  if [[ ${UPSTREAM:-yes} != no ]]; then
    echo "asking for the upstream charts (at most 40 s)"
    if timeout 40 helm iris charts pull daskhub --profile cumulus 2>"$home/why"; then
      charts="the upstream charts"
      return
    fi
    grep -m 1 -E 'Error|error' "$home/why" || echo "no answer in 40 s"
  fi
  charts="stand-ins of tests/charts for the upstream charts"
  local name
  {
    echo "# The upstream charts cannot be reached from here: these take the same values and make the same"
    echo "# objects, and hold no software."
    echo "sources:"
    for name in jupyterhub dask-gateway; do
      printf '  %s: {repo: "%s", sha256: "%s"}\n' "$name" "$IRIS_TEST_REPO" \
        "$(sha256sum "$IRIS_TEST_CHARTS/$name"-[0-9]*.tgz | cut -d' ' -f1)"
    done
  } >iris.yaml
  extract 10 iris.yaml
  show helm iris charts pull daskhub --profile cumulus
}

main() {
  case ${1:-} in
    "") ;;
    -h | --help)
      usage
      return
      ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
  step "1. a real Helm, and a real control plane on this machine"
  [[ -n ${HELM:-} ]] || "$root/scripts/tools.sh" helm
  use_helm
  "$root/scripts/testbed.sh" up
  eval "$("$root/scripts/testbed.sh" env)"

  step "2. the plugin (the first build takes 5 to 10 minutes on 2 cores)"
  rm -rf "$place"
  mkdir -p "$place"
  cd "$place"
  show helm version --short
  show helm plugin install "$root"

  step "3. values for review: no cluster is asked"
  get_charts
  show helm iris render daskhub --profile cumulus
  extract 40 dhub/REVIEW.md
  extract 40 dhub/daskhub/values.yaml

  step "4. installed as reviewed, with $charts"
  show helm iris install daskhub --profile cumulus --yes
  show helm list --all-namespaces
  if command -v kubectl >/dev/null; then
    show kubectl get storageclass
    show kubectl --namespace dhub get pods,services,persistentvolumeclaims
  fi

  step "5. once more: nothing to change"
  show helm iris install daskhub --profile cumulus --yes
}

main "$@"
