#!/usr/bin/env bash
# A real Kubernetes control plane on this machine, for tests and the demo.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/testbed.sh COMMAND

  up                    build what is not built, start, wait until nodes are Ready
  down                  end the processes of this testbed and remove its state
  env                   print export lines: eval "$(scripts/testbed.sh env)"
  status                say what runs; exit code 0 if all of it does, else 3
  user NAME NAMESPACE   print the path of a kubeconfig for an admin of one
                        namespace, who may do nothing cluster-wide
  charts DIR            only pack the stand-in charts of tests/charts into DIR

env gives KUBECONFIG (of the cluster's admin), HELM3 and HELM4 (real Helm),
IRIS_TEST_REPO (a chart repository on loopback) and IRIS_TEST_CHARTS (the folder
of archives that it serves).

Settings, from the environment:
  IRIS_TESTBED   folder of the state, logs included (default: target/testbed);
                 one testbed each, any number side by side
  NODES          number of worker nodes (default 2), of 4 CPUs and 16 GiB each
  NO_LB=1        a cloud without addresses: every LoadBalancer stays pending; one
                 alone does with the annotation testbed.helm-iris/no-address: "true"

Real are etcd, kube-apiserver, kube-controller-manager and kube-scheduler, on
loopback only. Nodes and pods are simulated by kwok: pods become Running, Jobs
complete, and no container runs. A small controller of ours makes volumes and
LoadBalancer addresses as a cloud would. There is no StorageClass, as on a
cluster by Magnum's Heat driver. Do not use `kubectl logs`, `exec`, `port-forward`.
A pod can ask to fail: tests/testbed/faults.yaml.

Tests against any other cluster need no testbed: set KUBECONFIG (and HELM3,
HELM4, IRIS_TEST_REPO, IRIS_TEST_CHARTS) yourself.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
state=${IRIS_TESTBED:-$root/target/testbed}
[[ $state == /* ]] || state=$PWD/$state
nodes=${NODES:-2}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/helm-iris/testbed
# shellcheck source=scripts/processes.sh
source "$root/scripts/processes.sh"
parts=(etcd kube-apiserver kube-controller-manager kube-scheduler companion kwok repo)

# --- build -------------------------------------------------------------------

# binary: the path of the control plane's program for the sources as they are,
# and for the way in which they are built here.
binary() {
  local hash
  hash=$({ cd "$root/tests/testbed" && cat go.mod go.sum ./*.go && declare -f build; } | sha256sum | cut -c1-16)
  echo "$cache/control-plane-$hash/testbed"
}

build() {
  local target=$1 version major minor flags
  [[ ! -x $target ]] || return 0
  command -v go >/dev/null || die "the control plane is built with Go (1.26 or newer), which is not on PATH: https://go.dev/dl"
  version=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' "$root/tests/testbed/go.mod")
  say "building the control plane, Kubernetes $version (the first time: 7 to 10 minutes on 2 cores, 3 GB of memory)"
  # Without its version the API server calls itself v0.0.0, and charts with a
  # kubeVersion refuse it.
  local v=k8s.io/component-base/version
  IFS=. read -r major minor _ <<<"${version#v}"
  flags="-s -w -X $v.gitVersion=$version -X $v.gitMajor=$major -X $v.gitMinor=$minor"
  mkdir -p "${target%/*}"
  (cd "$root/tests/testbed" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags providerless -ldflags "$flags" -o "$target.tmp" .)
  mv "$target.tmp" "$target"
  find "$cache" -maxdepth 1 -name 'control-plane-*' -mtime +30 -exec rm -rf {} + # of sources long changed
}

# --- charts ------------------------------------------------------------------

# pack DIR: `helm package` writes the time into its archives; these are the same
# bytes each time. Helm wants every file under a folder of the chart's name.
pack() {
  local chart name version
  mkdir -p "$1"
  for chart in "$root"/tests/charts/*/Chart.yaml; do
    name=$(basename "$(dirname "$chart")")
    version=$(awk '$1 == "version:" { print $2 }' "$chart")
    (cd "$root/tests/charts" && find "$name" -type f | LC_ALL=C sort |
      tar --create --no-recursion --format=ustar --mode='u=rw,go=r' --mtime=@0 \
        --owner=0 --group=0 --numeric-owner --files-from=-) | gzip -9n >"$1/$name-$version.tgz"
  done
}

# publish: what the chart repository serves.
publish() {
  pack "$state/charts"
  "$cache/helm4/helm" repo index "$state/charts"
}

# --- up ----------------------------------------------------------------------

start_control_plane() {
  local testbed=$1 etcd=$2 peer=$3 url=$4 pki=$state/pki
  start etcd "$testbed" etcd --name=testbed --data-dir="$state/etcd" --unsafe-no-fsync --log-level=warn \
    --listen-client-urls="http://127.0.0.1:$etcd" --advertise-client-urls="http://127.0.0.1:$etcd" \
    --listen-peer-urls="http://127.0.0.1:$peer" --initial-advertise-peer-urls="http://127.0.0.1:$peer" \
    --initial-cluster="testbed=http://127.0.0.1:$peer"
  # The advertised address is for documentation only (RFC 5737) and never dialled:
  # a loopback one is refused for the Endpoints of the Service kubernetes.
  start kube-apiserver "$testbed" kube-apiserver --bind-address=127.0.0.1 --secure-port="${url##*:}" \
    --advertise-address=192.0.2.254 --endpoint-reconciler-type=none --etcd-servers="http://127.0.0.1:$etcd" \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
    --service-account-key-file="$pki/service-accounts.crt" --service-account-signing-key-file="$pki/service-accounts.key" \
    --service-account-issuer=https://kubernetes.default.svc --service-cluster-ip-range=10.96.0.0/16 \
    --authorization-mode=Node,RBAC --allow-privileged=true --profiling=false \
    --kubelet-preferred-address-types=InternalIP
  "$testbed" wait "$pki/admin.kubeconfig" 0
  start kube-controller-manager "$testbed" kube-controller-manager --kubeconfig="$pki/controller-manager.kubeconfig" \
    --secure-port=0 --leader-elect=false --use-service-account-credentials=true --root-ca-file="$pki/ca.crt" \
    --service-account-private-key-file="$pki/service-accounts.key" --profiling=false
  start kube-scheduler "$testbed" kube-scheduler --kubeconfig="$pki/scheduler.kubeconfig" \
    --secure-port=0 --leader-elect=false --profiling=false
}

start_surroundings() {
  local testbed=$1 repo=$2 kubelet=$3 forward=$4
  # Who forwards a port of any pod comes out at this one of loopback, where a test may listen.
  printf '%s\n' 'apiVersion: kwok.x-k8s.io/v1alpha1' 'kind: ClusterPortForward' 'metadata: {name: loopback}' \
    "spec: {forwards: [{target: {address: 127.0.0.1, port: $forward}}]}" >"$state/forward.yaml"
  start companion "$testbed" companion "$state/pki/companion.kubeconfig" "$nodes"
  start kwok "$cache/kwok/kwok" --kubeconfig="$state/pki/companion.kubeconfig" --manage-all-nodes=true \
    --node-lease-duration-seconds=40 --node-ip=127.0.0.1 --node-port="$kubelet" \
    --tls-cert-file="$state/pki/apiserver.crt" --tls-private-key-file="$state/pki/apiserver.key" \
    --config="$cache/kwok/stages.yaml,$root/tests/testbed/faults.yaml,$state/forward.yaml"
  start repo "$testbed" repo "$state/charts" "$repo"
}

# The folder is ours to fill and to remove only if it is new, empty or marked by
# a link to the program that runs in it.
claim_state() {
  if [[ -d $state && ! -L $state/testbed && -n $(ls -A "$state") ]]; then
    die "$state holds something else; set IRIS_TESTBED to a folder of its own"
  fi
  rm -rf "$state"
  mkdir -p "$state"/{log,pid,pki,charts}
  chmod 700 "$state"
  ln -s "$1" "$state/testbed"
}

write_env() {
  local repo=$1 forward=$2
  {
    printf 'export KUBECONFIG=%q\n' "$state/pki/admin.kubeconfig"
    printf 'export HELM3=%q\n' "$cache/helm3/helm"
    printf 'export HELM4=%q\n' "$cache/helm4/helm"
    printf 'export IRIS_TEST_REPO=http://%s\n' "$repo"
    printf 'export IRIS_TEST_CHARTS=%q\n' "$state/charts"
    printf 'export IRIS_TEST_FORWARD=127.0.0.1:%s\n' "$forward"
  } >"$state/env"
}

gave_up() {
  say "testbed: did not come up; the ends of the logs in $state/log:"
  tail -n 3 "$state"/log/*.log >&2 || true
  stop
}

up() {
  local testbed ports url began
  mkdir -p "$cache"
  # One at a time on this machine, so that nothing is built twice and no port is
  # taken twice. No process that is started here inherits the lock.
  exec 9>"$cache/lock"
  flock -n 9 || { say "waiting for another testbed to come up"; flock 9; }
  if [[ -z $(dead) ]]; then
    publish # the charts may have changed since
    say "already up: $state"
    return
  fi
  [[ -z $(alive) ]] || die "broken: $(dead | xargs) ended, see $state/log; run: scripts/testbed.sh down"
  testbed=$(binary)
  build "$testbed"
  "$root/scripts/tools.sh" all >&2

  began=$EPOCHREALTIME
  claim_state "$testbed"
  trap gave_up EXIT
  mapfile -t ports < <("$testbed" ports 6)
  url=https://127.0.0.1:${ports[2]}
  "$testbed" pki "$state/pki" "$url"
  start_control_plane "$testbed" "${ports[0]}" "${ports[1]}" "$url"
  publish
  start_surroundings "$testbed" "127.0.0.1:${ports[3]}" "${ports[4]}" "${ports[5]}"
  "$testbed" wait "$state/pki/admin.kubeconfig" "$nodes"
  [[ -z $(dead) ]] || die "ended at once: $(dead | xargs)"
  write_env "127.0.0.1:${ports[3]}" "${ports[5]}"
  trap - EXIT
  say "up in $(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s: $url, $nodes nodes; $state"
}

# --- the other commands ------------------------------------------------------

down() {
  if [[ ! -L $state/testbed ]]; then say "not up: $state"; return; fi
  stop
  rm -rf "$state"
  say "down: $state"
}

environment() {
  [[ -z $(dead) ]] || die "not up; run: scripts/testbed.sh up"
  cat "$state/env"
}

status() {
  local part pid code=0
  for part in "${parts[@]}"; do
    pid=$(running "$part") || { pid=-; code=3; }
    printf '%-24s %s\n' "$part" "$pid"
  done
  return "$code"
}

user() {
  [[ $# == 2 ]] || { usage >&2; exit 2; }
  [[ -z $(dead) ]] || die "not up; run: scripts/testbed.sh up"
  "$state/testbed" user "$state/pki" "$1" "$2"
}

main() {
  local command=${1:-}
  shift || true
  case $command in
    up) up ;;
    down) down ;;
    env) environment ;;
    status) status ;;
    user) user "$@" ;;
    charts) pack "${1:?usage: scripts/testbed.sh charts DIR}" ;;
    -h | --help) usage ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
}

main "$@"
