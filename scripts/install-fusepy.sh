#!/usr/bin/env bash
# Installs Python's FUSE bindings by apt where that can be done without asking. Quick when everything is there.
# Exit codes: 0 installed, 69 cannot be installed or used here (the message says why).
set -euo pipefail

unavailable() {
  echo "fusepy: $*" >&2
  exit 69
}

[[ -e /dev/fuse ]] || unavailable 'there is no /dev/fuse here, so nothing can be mounted'

# Debian's own Python: another one on the PATH does not see Debian's packages.
has_fusepy() { /usr/bin/python3 -c 'import fusepy' 2>/dev/null && command -v fusermount >/dev/null; }
has_fusepy && exit 0

hint='not installed (Debian and Ubuntu: apt-get install python3-fusepy fuse3)'
command -v apt-get >/dev/null || unavailable "$hint"
((EUID == 0)) || unavailable "$hint"
echo 'Installing python3-fusepy and fuse3 …' >&2
{
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-fusepy fuse3
} >/dev/null 2>&1 || unavailable "$hint; apt-get could not do it"
has_fusepy || unavailable "$hint"
