#!/usr/bin/env bash
# Everything that must hold, in one command: bash tests/run.sh
#
# Installs MariaDB and PostgreSQL from Debian where they are missing, starts throwaway servers,
# checks formatting and lints, runs every test, and stops the servers however it ends.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

servers=
work=$(mktemp -d "${TMPDIR:-/tmp}/landfall-tests.XXXXXX")
finish() {
    local code=$?
    trap - EXIT INT TERM HUP
    # The servers stop when their input ends.
    exec 9>&- || true
    [ -z "$servers" ] || wait "$servers" 2>/dev/null || true
    rm -rf "$work"
    if [ "$code" = 0 ]; then echo "tests/run.sh: all passed"; else echo "tests/run.sh: FAILED (exit $code)"; fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

step() { printf '\n== %s\n' "$*"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_servers() {
    local missing=()
    command -v mariadb-install-db >/dev/null && { command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ]; } ||
        missing+=(mariadb-server)
    ls -d /usr/lib/postgresql/*/bin >/dev/null 2>&1 || missing+=(postgresql)
    [ ${#missing[@]} = 0 ] && return 0
    step "apt-get install ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update -qq </dev/null
    as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
}

start_servers() {
    step "throwaway servers"
    mkfifo "$work/hold" "$work/said"
    bash tests/servers.sh <"$work/hold" >"$work/said" &
    servers=$!
    exec 9>"$work/hold"
    {
        read -r LANDFALL_TEST_MYSQL &&
            read -r LANDFALL_TEST_POSTGRES &&
            read -r ready && [ "$ready" = ready ]
    } <"$work/said" || { echo "the servers did not start" >&2; exit 1; }
    export LANDFALL_TEST_MYSQL LANDFALL_TEST_POSTGRES
    echo "MariaDB and PostgreSQL are ready"
}

install_servers
step "cargo fmt --check"
cargo fmt --check
step "cargo clippy"
cargo clippy --all-targets --locked -- -D warnings
step "cargo check of the fuzz targets"
cargo check --locked --manifest-path tests/fuzz/Cargo.toml --target-dir target/fuzz
start_servers
step "cargo test"
cargo test --locked 9>&- </dev/null
step "cargo check --benches"
cargo check --benches --locked
