#!/usr/bin/env bash
# `npm run demo`: the main job from start to end against a simulated CVAT. Installs what is missing first.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"
exec node scripts/demo.ts "$@"
