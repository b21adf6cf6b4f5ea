#!/usr/bin/env bash
# Stops the stack and removes its containers. Archives stay, and what is queued stays too (`./down.sh --volumes` drops the
# queues; nothing that was backed up is in them).
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
# Without .env too: what runs is known by its name.
env_file=${ENV_FILE:-.env}
[[ -e $env_file ]] || env_file=/dev/null
exec docker compose --env-file "$env_file" down "$@"
