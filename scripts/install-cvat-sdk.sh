#!/usr/bin/env bash
# Installs the official CVAT client from PyPI, as cvat-sdk-requirements.txt pins it, into a Python environment of its own
# in .cache/cvat-sdk, and prints that environment's python. Quick when everything is there.
# Exit codes: 0 installed, 69 cannot be installed here (no Python, no network: the message says which), 1 anything else.
set -euo pipefail
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
requirements=$scripts/cvat-sdk-requirements.txt
environment=$(dirname "$scripts")/.cache/cvat-sdk
python=$environment/bin/python
# Written last, so that an installation that was interrupted does not count.
stamp=$environment/installed-requirements.txt

unavailable() {
  echo "cvat-sdk: $*" >&2
  exit 69
}

is_installed() {
  # An environment outlives neither a new list nor the Python that it was made with.
  cmp -s "$requirements" "$stamp" && "$python" -c '' 2>/dev/null
}

# Debian splits Python: without python3-venv, `-m venv` is there and fails for want of ensurepip.
require_venv() {
  python3 -c 'import ensurepip, venv' 2>/dev/null && return
  local hint='python3 cannot make environments: install its venv module (Debian and Ubuntu: apt-get install python3-venv)'
  command -v apt-get >/dev/null || unavailable "$hint"
  ((EUID == 0)) || unavailable "$hint"
  echo 'Installing python3-venv …' >&2
  {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv
  } >&2 || unavailable "$hint"
  python3 -c 'import ensurepip, venv' 2>/dev/null || unavailable "$hint"
}

install() {
  command -v python3 >/dev/null || unavailable 'python3 was not found'
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || unavailable 'Python 3.11 or newer is needed'
  require_venv
  echo "Installing cvat-sdk into $environment …" >&2
  rm -rf "$environment"
  python3 -m venv "$environment"
  local log=$environment/install.log
  # Without building anything: a source package would run its code while installing.
  if ! "$python" -m pip install --disable-pip-version-check --no-input --quiet --retries 2 --timeout 20 \
    --only-binary :all: --require-hashes --requirement "$requirements" >"$log" 2>&1; then
    cat "$log" >&2
    # pip has one exit code for everything; that no server was reached it tells in words.
    grep -qE 'connection broken by|Max retries exceeded|ConnectTimeout|ReadTimeout' "$log" &&
      unavailable 'PyPI could not be reached'
    exit 1
  fi
  cp "$requirements" "$stamp"
}

if ! is_installed; then
  mkdir -p "$(dirname "$environment")"
  # Two at once would tear down each other's work. Only Linux has flock.
  exec 9>"$environment.lock"
  if command -v flock >/dev/null; then flock 9; fi
  is_installed || install
fi
echo "$python"
