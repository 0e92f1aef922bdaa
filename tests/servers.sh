#!/usr/bin/env bash
# A throwaway MariaDB and PostgreSQL for the tests, in a temporary directory, on free ports.
#
# Prints their URLs, one a line, then `ready`; runs until its standard input ends; then stops both
# and removes the directory. Whoever starts it holds the other end of that input, so the servers
# end with it however it ends.
set -euo pipefail

dir=$(mktemp -d "${TMPDIR:-/tmp}/landfall-servers.XXXXXX")
chmod 755 "$dir"
trap stop EXIT
trap 'exit 130' INT TERM HUP

# Stops a server by the process id in the first line of a file, and waits until it is gone.
stop_one() {
    [ -s "$1" ] || return 0
    local pid
    pid=$(head -n 1 "$1")
    kill -s "$2" "$pid" 2>/dev/null || return 0
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
}

stop() {
    stop_one "$dir/mariadb.pid" TERM
    stop_one "$dir/postgres/postmaster.pid" INT
    rm -rf "$dir"
}

# Runs a command as a server's own user when we are root, since neither server runs as root.
as() {
    local user=$1
    shift
    if [ "$(id -u)" = 0 ]; then runuser -u "$user" -- "$@"; else "$@"; fi
}

# A port nobody listens on now; the caller tries another if someone takes it meanwhile.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

fail() {
    echo "tests/servers.sh: $1" >&2
    [ -z "${2:-}" ] || tail -n 20 "$2" >&2
    exit 1
}

start_mariadb() {
    local install server
    install=$(command -v mariadb-install-db) || fail "mariadb-install-db is missing: run tests/run.sh"
    server=$(command -v mariadbd || echo /usr/sbin/mariadbd)
    mkdir "$dir/mariadb"
    local user=()
    if [ "$(id -u)" = 0 ]; then
        chown mysql "$dir/mariadb"
        user=(--user=mysql)
    fi
    "$install" --no-defaults "${user[@]}" --datadir="$dir/mariadb" \
        --auth-root-authentication-method=normal --skip-test-db >"$dir/mariadb-install.log" 2>&1 ||
        fail "MariaDB cannot be set up" "$dir/mariadb-install.log"
    cat >"$dir/mariadb-init.sql" <<'SQL'
CREATE USER IF NOT EXISTS 'landfall'@'%' IDENTIFIED BY 'landfall-test';
GRANT ALL ON *.* TO 'landfall'@'%' WITH GRANT OPTION;
SQL
    for _ in 1 2 3 4 5; do
        mysql_port=$(free_port)
        # A zone far from UTC, so that a time read in the wrong zone shows.
        TZ=America/New_York "$server" --no-defaults "${user[@]}" --datadir="$dir/mariadb" \
            --port="$mysql_port" --bind-address=127.0.0.1 --socket="$dir/mariadb/sock" \
            --pid-file="$dir/mariadb/pid" --init-file="$dir/mariadb-init.sql" \
            --innodb-buffer-pool-size=128M --innodb-flush-log-at-trx-commit=0 \
            --max-allowed-packet=128M --max-connections=200 --skip-log-bin \
            >"$dir/mariadb.log" 2>&1 </dev/null &
        local pid=$!
        echo "$pid" >"$dir/mariadb.pid"
        for _ in $(seq 300); do
            kill -0 "$pid" 2>/dev/null || break
            if mariadb --no-defaults -h127.0.0.1 -P"$mysql_port" -ulandfall -plandfall-test \
                -e 'SELECT 1' >/dev/null 2>&1; then
                return 0
            fi
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
    done
    fail "MariaDB does not start" "$dir/mariadb.log"
}

start_postgres() {
    local bin
    # Only Debian's own: a `postgres` on the PATH may be anything.
    bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    [ -n "$bin" ] || fail "PostgreSQL is missing: run tests/run.sh"
    mkdir "$dir/postgres" "$dir/postgres-socket"
    chmod 700 "$dir/postgres"
    if [ "$(id -u)" = 0 ]; then chown postgres "$dir/postgres" "$dir/postgres-socket"; fi
    (cd "$dir" && as postgres "$bin/initdb" -D "$dir/postgres" -N -A trust -U landfall \
        --encoding=UTF8 --locale=C.UTF-8) >"$dir/postgres-install.log" 2>&1 ||
        fail "PostgreSQL cannot be set up" "$dir/postgres-install.log"
    : >"$dir/postgres.log"
    for _ in 1 2 3 4 5; do
        postgres_port=$(free_port)
        (cd "$dir" && as postgres "$bin/postgres" -D "$dir/postgres" -p "$postgres_port" \
            -h 127.0.0.1 -k "$dir/postgres-socket" -c fsync=off -c max_connections=200 \
            -c max_prepared_transactions=10 -c timezone=America/New_York) \
            >"$dir/postgres.log" 2>&1 </dev/null &
        local pid=$!
        for _ in $(seq 300); do
            kill -0 "$pid" 2>/dev/null || break
            if "$bin/pg_isready" -q -h 127.0.0.1 -p "$postgres_port" -U landfall; then
                return 0
            fi
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
    done
    fail "PostgreSQL does not start" "$dir/postgres.log"
}

start_mariadb
start_postgres
echo "mysql://landfall:landfall-test@127.0.0.1:$mysql_port"
echo "postgres://landfall@127.0.0.1:$postgres_port"
echo "ready"
cat >/dev/null
