#!/usr/bin/env bash
# Follows the log of the stack, or of some services: `./logs.sh exporter downloader`.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
env_file=${ENV_FILE:-.env}
[[ -e $env_file ]] || env_file=/dev/null
exec docker compose --env-file "$env_file" logs --follow --tail 100 "$@"
