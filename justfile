# Each verb is one script or one command of cargo, which works without just as well.

_verbs:
    @just --list --unsorted

# What an editor would complain about: format, lints, documentation
check:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked

# Every check and test, with a real control plane and real Helm 3 and 4
test:
    scripts/test.sh

# The same without the control plane, under 3 minutes once built
fast:
    scripts/test.sh --fast

# Kills, faults, races and a large cluster in full, over an hour
soak:
    scripts/soak.sh

# Look at the snapshots of a test that failed
review:
    cargo insta review

# The claims on speed, memory and size, as ratios
bench:
    scripts/bench.sh

# Where the time of a render goes, stage by stage
stages:
    cargo bench --locked

# From nothing to a hub on the embedded control plane
demo:
    scripts/demo.sh

# The documentation of the code, in a browser
docs:
    cargo doc --no-deps --open

# The program as a plugin of the helm on PATH
install:
    helm plugin install .
