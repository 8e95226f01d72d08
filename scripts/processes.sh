# Processes that a script starts, and ends again by their ids. Sourced, with
#   state   the folder that holds pid/ and log/
#   parts   their names in the order of starting; each has a pid file and a log of its name
# shellcheck shell=bash disable=SC2154

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

# A pid alone may since have been given to a stranger. With the time at which the
# process started (field 22 of /proc/PID/stat, counted after the name, which may
# hold spaces) it names one process for as long as the machine runs. A zombie (Z)
# has ended, and only waits for a parent to look.
started() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  awk '$1 != "Z" { print $20 }' <<<"${stat##*) }"
}

# start NAME COMMAND…: in the background, in a session of its own, holding none
# of the caller's files (a pipe kept open would make the caller's reader wait).
start() {
  local name=$1
  shift
  setsid "$@" </dev/null >"$state/log/$name.log" 2>&1 9>&- &
  echo "$! $(started $!)" >"$state/pid/$name"
  disown # its end is not this shell's to report
}

# running NAME: prints the pid, if that process is still the one we started.
running() {
  local pid time
  read -r pid time 2>/dev/null <"$state/pid/$1" || return 1
  [[ -n $time && $(started "$pid") == "$time" ]] && echo "$pid"
}

alive() { for part in "${parts[@]}"; do running "$part" >/dev/null && echo "$part"; done || true; }
dead() { for part in "${parts[@]}"; do running "$part" >/dev/null || echo "$part"; done; }

# end PART: asked first, then made to.
end() {
  local signal pid
  for signal in TERM KILL; do
    pid=$(running "$1") || return 0
    kill -s "$signal" "$pid" 2>/dev/null || true
    for _ in {1..60}; do
      running "$1" >/dev/null || return 0
      sleep 0.05
    done
  done
  die "could not end $1, process $pid"
}

# stop: all parts, the last started first, so that none waits for another.
stop() {
  local i
  for ((i = ${#parts[@]} - 1; i >= 0; i--)); do end "${parts[i]}"; done
}
