#!/bin/sh
# Puts the program of the plugin at bin/helm-iris. Helm runs this after `helm plugin install` and
# `helm plugin update`; it can be run by hand as well. POSIX sh, since any shell may be all there is.
set -eu

root=$(CDPATH='' cd -P "$(dirname "$0")/.." && pwd)
program=$root/bin/helm-iris

say() { printf 'helm iris: %s\n' "$*" >&2; }
fail() {
  say "error: $1"
  shift
  for line; do printf '  fix: %s\n' "$line" >&2; done
  exit 1
}

# field FILE KEY: the value of a top-level `key: value` or `key = value`.
field() { sed -n "s/^$2[[:space:]]*[:=][[:space:]]*\"\{0,1\}\([^\"]*\)\"\{0,1\}[[:space:]]*\$/\1/p" "$root/$1" | head -n 1; }

version=$(field plugin.yaml version)
again="sh $root/scripts/install.sh" # Helm keeps a plugin whose hook has failed: no need to install it again

# found: what is there is the program of this version, and runs on this machine.
found() { [ -x "$program" ] && [ "$("$program" --version 2>/dev/null)" = "helm-iris $version" ]; }

# cargo_version: `1.95.0`, or nothing where there is no cargo.
cargo_version() { cargo --version 2>/dev/null | awk '{ print $2; exit }'; }

# new_enough HAVE WANT: both like 1.95 or 1.95.0-nightly.
new_enough() {
  awk -v have="$1" -v want="$2" 'BEGIN {
    split(have, h, /[.-]/); split(want, w, /[.-]/)
    exit !(h[1] > w[1] || (h[1] == w[1] && h[2] >= w[2]))
  }'
}

build() {
  say "building helm-iris $version with cargo $1"
  say "(the first time it fetches its libraries and takes 4 to 10 minutes on 2 cores; later it takes seconds)"
  # Cargo itself says where it put the program: a setting of the user's may send it elsewhere.
  messages=$(cd "$root" && cargo build --release --locked --bin helm-iris --message-format json-render-diagnostics) ||
    fail "cargo could not build the program; its own message is above" \
      "if it could not fetch the crates, check the network and the proxy (https_proxy), then: $again" \
      "or put a helm-iris $version that was built elsewhere at $program"
  built=$(printf '%s\n' "$messages" | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
  mkdir -p "$root/bin"
  # By rename, so that a helm-iris that runs meanwhile is not written over.
  cp "$built" "$program.new"
  mv "$program.new" "$program"
  say "installed $program"
}

# Where rustup puts cargo, for shells that do not have it on PATH.
PATH=$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin

if [ -f "$root/Cargo.toml" ]; then
  wanted=$(field Cargo.toml rust-version)
  have=$(cargo_version)
  if [ -n "$have" ] && new_enough "$have" "$wanted"; then
    build "$have"
  elif found; then
    say "using $program ($version), which is there already: no cargo $wanted or newer to build it anew"
  elif [ -n "$have" ]; then
    fail "cargo $have is too old to build the program: $wanted or newer is needed" \
      "update it, e.g. by rustup update stable, then: $again" \
      "or put a helm-iris $version that was built elsewhere at $program"
  else
    fail "there is no program at bin/helm-iris, and no cargo to build it with" \
      "install Rust $wanted or newer (https://rustup.rs), then: $again" \
      "or put a helm-iris $version that was built elsewhere at $program"
  fi
elif found; then
  say "using $program ($version), which came with the plugin"
elif [ -x "$program" ]; then
  fail "$program is not helm-iris $version for this machine" \
    "get the plugin for this system ($(uname -sm)), or install it from its sources"
else
  fail "the plugin holds neither a program nor its sources" "install it from a release or from its sources"
fi
found || fail "$program does not answer as helm-iris $version" "look at what it says: $program --version"
say "try: helm iris render daskhub --profile cumulus"
