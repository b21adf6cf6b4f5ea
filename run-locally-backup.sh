#!/usr/bin/env bash
# Backs up in this folder's settings (.env): `./run-locally-backup.sh --mode p`. A thin wrapper for `bin/cvat-backups backup`.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
exec bin/cvat-backups backup "$@"
