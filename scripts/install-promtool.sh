#!/usr/bin/env bash
# Fetches promtool, which checks Prometheus' rules, and prints its path. Where it is not installed it is taken out of Debian's
# package prometheus into .cache: the package itself would start a server. Quick when it is there.
# Exit codes: 0 there, 69 cannot be had here (the message says why).
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
own=$project/.cache/promtool/promtool

unavailable() {
  echo "promtool: $*" >&2
  exit 69
}

if command -v promtool; then exit 0; fi
if [[ -x $own ]]; then
  echo "$own"
  exit 0
fi

hint='not installed (Debian and Ubuntu: apt-get install prometheus)'
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || unavailable "$hint"
echo 'Fetching promtool …' >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# Lists may be missing or old; only root may renew them.
((EUID != 0)) || apt-get update -qq >/dev/null 2>&1 || true
apt-get download prometheus >/dev/null 2>&1 || unavailable "$hint; apt-get could not do it"
dpkg-deb -x prometheus_*.deb files
mkdir -p "$(dirname "$own")"
# By renaming: of two tests that fetch it at once neither sees half a file.
cp files/usr/bin/promtool "$own.$$"
mv "$own.$$" "$own"
echo "$own"
