# Sourced by the other scripts: installs what is missing (npm packages with the pinned Node.js, redis-server), and puts
# that Node.js first in PATH. Quick when everything is there.
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$project"

fail() {
  echo "$*" >&2
  exit 2
}

install_packages() {
  # npm keeps a copy of the lockfile of what it installed; a newer lockfile means that something changed.
  if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
    command -v npm >/dev/null || fail 'npm was not found: install Node.js 20 or newer first, e.g. from https://nodejs.org'
    echo 'Installing npm packages …'
    npm ci --no-audit --no-fund --loglevel=error
  fi
  # Some versions of npm do not run the script that fetches the pinned Node.js.
  if [[ ! -x node_modules/node/bin/node ]]; then
    (cd node_modules/node && node installArchSpecificPackage)
  fi
}

install_redis() {
  command -v redis-server >/dev/null && return
  local hint='redis-server was not found: install it (Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis)'
  command -v apt-get >/dev/null || fail "$hint"
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null || fail "$hint"
    as_root=(sudo -n)
  fi
  echo 'Installing redis-server …'
  "${as_root[@]}" apt-get update -qq
  # The package would start a server of its own on port 6379; the program is all that is needed here.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends \
    redis-server >/dev/null || fail "$hint"
}

install_packages
install_redis
export PATH="$project/node_modules/node/bin:$project/node_modules/.bin:$PATH"
# Every process of tests and benchmarks compiles the same modules: once is enough, and halves what a start costs.
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$project/.cache/compile}"
