# shellcheck shell=bash
# What scripts/demo, scripts/test and scripts/bench share. Sourced, from the top of the checkout; starts nothing by itself.

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# packages_of STAGE…: the names that scripts/packages lists for these stages.
packages_of() {
    local package stage wanted=" $* "
    while read -r package stage; do
        if [[ $package && $package != \#* && $wanted == *" $stage "* ]]; then
            printf '%s\n' "$package"
        fi
    done <scripts/packages
}

package_is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# need_packages STAGE…: installs what is missing of the stages, with sudo when we are not root. Silent when nothing is.
need_packages() {
    local package missing=() root=()
    while read -r package; do
        package_is_installed "$package" || missing+=("$package")
    done < <(packages_of "$@")
    [[ ${#missing[@]} -gt 0 ]] || return 0
    if [[ $(id -u) -ne 0 ]]; then
        command -v sudo >/dev/null || die "missing, and there is neither root nor sudo to install them: ${missing[*]}"
        root=(sudo)
    fi
    say "Installing with apt-get: ${missing[*]}"
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q update >&2
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}" >&2
}

# build_preset PRESET [TARGET…]: configures and builds build/PRESET; everything when no target is named.
build_preset() {
    local preset=$1
    shift
    cmake --preset "$preset" >/dev/null
    cmake --build --preset "$preset" ${1:+--target "$@"}
}

# wait_for SECONDS WHAT COMMAND…: polls until the command succeeds; dies with WHAT when the time is up.
wait_for() {
    local seconds=$1 what=$2 end=$((SECONDS + $1))
    shift 2
    until "$@"; do
        [[ $SECONDS -lt $end ]] || die "$what: not within $seconds s"
        sleep 0.1
    done
}

redis_answers() { [[ $(redis-cli -s "$1" ping 2>/dev/null) == PONG ]]; }

# redis_start DIR [PREFIX…]: a private Redis that keeps everything in DIR and listens on the Unix socket DIR/redis.sock only. It leads a
# session of its own and ends by redis_stop DIR. PREFIX goes before its command (setpriv --pdeathsig KILL).
redis_start() {
    local dir=$1
    shift
    setsid "$@" redis-server --port 0 --unixsocket "$dir/redis.sock" --unixsocketperm 700 --dir "$dir" --save '' \
        --appendonly yes --appendfsync everysec --maxmemory-policy noeviction --daemonize no \
        --pidfile "$dir/redis.pid" >"$dir/redis.log" 2>&1 </dev/null &
    printf '%s\n' $! >"$dir/redis.pid"
    wait_for 20 "redis-server (see $dir/redis.log)" redis_answers "$dir/redis.sock"
}

# pid_stop FILE: ends the process whose id stands in FILE: asks, waits, insists. Nothing to do when it is gone.
pid_stop() {
    local file=$1 pid
    [[ -s $file ]] || return 0
    pid=$(<"$file")
    if kill -TERM "$pid" 2>/dev/null; then
        local end=$((SECONDS + 15))
        while kill -0 "$pid" 2>/dev/null && [[ $SECONDS -lt $end ]]; do
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$file"
}

redis_stop() { pid_stop "$1/redis.pid"; }
