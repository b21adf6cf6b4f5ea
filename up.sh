#!/usr/bin/env bash
# Builds and starts the stack: `./up.sh`, `./up.sh --scale exporter=3`, `ENV_FILE=demo.env ./up.sh`. Words are those of
# `docker compose up`. Settings come from .env.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
env_file=${ENV_FILE:-.env}
if [[ ! -e $env_file ]]; then
  echo "up.sh: there is no $env_file here: cp .env.example .env, and fill it in" >&2
  exit 2
fi
exec docker compose --env-file "$env_file" up --build --detach "$@"
