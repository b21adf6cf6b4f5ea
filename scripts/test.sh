#!/usr/bin/env bash
# `npm test`: every test that needs no Docker and no real CVAT. Installs what is missing first.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"
exec vitest run "$@"
