#!/usr/bin/env bash
# Installs Debian's Chromium, for the tests in a browser, where that can be done without asking. Quick when it is there.
# Exit codes: 0 installed (its path is printed), 69 cannot be had here (the message says why).
set -euo pipefail

unavailable() {
  echo "chromium: $*" >&2
  exit 69
}

find_chromium() {
  command -v chromium || command -v chromium-browser || command -v google-chrome
}

find_chromium && exit 0

hint='not installed (Debian: apt-get install chromium)'
command -v apt-get >/dev/null || unavailable "$hint"
((EUID == 0)) || unavailable "$hint"
echo 'Installing chromium …' >&2
{
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core
} >/dev/null 2>&1 || unavailable "$hint; apt-get could not do it"
# Ubuntu's package of this name is no browser but a pointer to a snap, which needs a running snapd.
find_chromium || unavailable 'apt-get brought a package without the program'
