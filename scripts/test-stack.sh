#!/usr/bin/env bash
# `npm run test:stack`: the images and the compose stack on a Docker daemon; skipped, saying so, where there is none.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"
exec vitest run --config vitest.stack.config.ts "$@"
