#!/usr/bin/env bash
# Installs rclone and FUSE by apt where that can be done without asking. Quick when everything is there.
# Exit codes: 0 installed, 69 cannot be installed or used here (the message says why).
set -euo pipefail

unavailable() {
  echo "rclone: $*" >&2
  exit 69
}

# A container may have the programs and still no right to mount.
[[ -e /dev/fuse ]] || unavailable 'there is no /dev/fuse here, so nothing can be mounted'

command -v rclone >/dev/null && command -v fusermount3 >/dev/null && exit 0

hint='not installed (Debian and Ubuntu: apt-get install rclone fuse3)'
command -v apt-get >/dev/null || unavailable "$hint"
((EUID == 0)) || unavailable "$hint"
echo 'Installing rclone and fuse3 …' >&2
{
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rclone fuse3
} >/dev/null 2>&1 || unavailable "$hint; apt-get could not do it"
