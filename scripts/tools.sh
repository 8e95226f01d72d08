#!/usr/bin/env bash
# Builds the pinned tools that the tests need, from their own Go modules.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/tools.sh [all|helm|kwok]

  all    Helm 3, Helm 4 and kwok (the default)
  helm   only the two Helms
  kwok   only kwok, the simulator of nodes, and its stages

Prints one line per tool: its name, version and path. What is built already is
not built again. Everything goes into ${XDG_CACHE_HOME:-~/.cache}/helm-iris/testbed,
each tool in a folder of its own (helm3/helm, helm4/helm, kwok/kwok), so that
either Helm can be put first on PATH under its own name.
TEXT
}

helm3_version=v3.21.4
helm4_version=v4.2.4
kwok_version=v0.8.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/helm-iris/testbed

# Built by `go install`, Helm knows its release only by these variables, which
# its own Makefile sets in the same way. Helm 3 also takes the version of
# Kubernetes that `helm template` assumes from there, and would say v1.20.
helm3_flags="-X helm.sh/helm/v3/internal/version.version=$helm3_version
  -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1
  -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=36"
helm4_flags="-X helm.sh/helm/v4/internal/version.version=$helm4_version"

say() { printf '%s\n' "$*" >&2; }

# build NAME BINARY PACKAGE VERSION LDFLAGS
build() {
  local name=$1 binary=$2 package=$3 version=$4 flags="-s -w $5"
  local folder=$cache/$name
  local pin="$package@$version $flags"
  if [[ ! -x $folder/$binary || $(cat "$folder/pin" 2>/dev/null) != "$pin" ]]; then
    command -v go >/dev/null || { say "tools.sh: $name is built with Go (1.26 or newer), which is not on PATH: https://go.dev/dl"; exit 1; }
    say "building $name $version (once; 1 to 4 minutes on 2 cores)"
    rm -rf "$folder"
    mkdir -p "$folder"
    # Away from any module: `go install PACKAGE@VERSION` then obeys its go.mod alone.
    (cd / && CGO_ENABLED=0 GOBIN="$folder" go install -trimpath -ldflags "$(tr -d '\n' <<<"$flags")" "$package@$version")
    printf '%s\n' "$pin" >"$folder/pin"
  fi
  printf '%-5s %-8s %s\n' "$name" "$version" "$folder/$binary"
}

helms() {
  build helm3 helm helm.sh/helm/v3/cmd/helm "$helm3_version" "$helm3_flags"
  build helm4 helm helm.sh/helm/v4/cmd/helm "$helm4_version" "$helm4_flags"
}

# kwok's binary knows no stages of its own: the steps of a node's or a pod's life
# come from a file. These are its default ones, as they lie in the same module.
kwok() {
  build kwok kwok sigs.k8s.io/kwok/cmd/kwok "$kwok_version" ""
  local stages=$cache/kwok/stages.yaml source
  [[ ! -s $stages ]] || return 0
  source=$(cd / && go list -m -f '{{.Dir}}' "sigs.k8s.io/kwok@$kwok_version")/kustomize/stage
  for stage in node/fast/node-initialize node/heartbeat-with-lease/node-heartbeat-with-lease \
    pod/fast/pod-ready pod/fast/pod-complete pod/fast/pod-delete; do
    printf -- '---\n'
    cat "$source/$stage.yaml"
  done >"$stages.tmp"
  mv "$stages.tmp" "$stages"
}

main() {
  mkdir -p "$cache"
  exec 8>"$cache/tools.lock"
  flock 8 # two at once would build everything twice
  case ${1:-all} in
    # On two lines: in "helms && kwok" bash would overlook a failure inside helms.
    all)
      helms
      kwok
      ;;
    helm) helms ;;
    kwok) kwok ;;
    -h | --help) usage ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
}

main "$@"
