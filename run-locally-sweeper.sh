#!/usr/bin/env bash
# Sweeps by this folder's settings (.env): `./run-locally-sweeper.sh [--dry-run]`. A thin wrapper for `bin/cvat-backups sweep`.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
exec bin/cvat-backups sweep "$@"
