#!/usr/bin/env bash
# Prints the sizes of the images and the idle memory of each container of the stack and of the sidecar, as docs/deployment.md
# states them. Needs a Docker daemon; removes all that it starts. Takes about two minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
run=measure-$$
export DOCKER_NAMESPACE=cvat-backups-measure NAME=$run VERSION=measure COMPOSE_PROJECT_NAME=cvat-backups-$run BOARD_PUBLISH=127.0.0.1:0
sidecar=$DOCKER_NAMESPACE/$run-sidecar:measure
idle_seconds=${IDLE_SECONDS:-60}

compose() { docker compose --env-file demo.env "$@"; }

clean_up() {
  docker rm --force --volumes "$run-sidecar" "$run-cvat" >/dev/null 2>&1 || true
  compose down --volumes --timeout 1 >/dev/null 2>&1 || true
  docker network rm "$run" >/dev/null 2>&1 || true
  docker rmi --force "$sidecar" "$DOCKER_NAMESPACE/$run:measure" "$DOCKER_NAMESPACE/$run-simulator:measure" >/dev/null 2>&1 || true
}
trap clean_up EXIT

compose build --quiet >&2
docker build --quiet --target sidecar --tag "$sidecar" . >&2

echo '| image | MB above the base image |'
echo '|---|---|'
for image in "$DOCKER_NAMESPACE/$run:measure" "$sidecar"; do
  # Layers from the first that is ours.
  docker history --no-trunc --human=false --format '{{.Size}} {{.CreatedBy}}' "$image" |
    awk -v image="${image/$run/cvat-backups}" '{ sum += $1 } /tini-static|usr\/local\/bin\/tini/ { total = sum } END { printf "| %s | %.0f |\n", image, total / 1e6 }'
done

compose up --detach --no-build --wait --wait-timeout 180 >&2
docker network create "$run" >/dev/null
docker run --detach --name "$run-cvat" --network "$run" --network-alias cvat "$DOCKER_NAMESPACE/$run-simulator:measure" --host=0.0.0.0 >/dev/null
docker run --detach --name "$run-sidecar" --network "$run" --memory 4g \
  --env CVAT_URL=http://cvat:8080 --env CVAT_USERNAME=admin --env CVAT_PASSWORD=demo-password "$sidecar" >/dev/null

memory() {
  echo
  echo "| memory $1 | MiB |"
  echo '|---|---|'
  # shellcheck disable=SC2046
  docker stats --no-stream --format '| {{.Name}} | {{.MemUsage}} |' $(compose ps --quiet) "$run-sidecar" |
    sed -E "s/${COMPOSE_PROJECT_NAME}-|$run-//; s/MiB \/ [^|]*/ /" | sort
}

sleep "$idle_seconds"
memory "idle for $idle_seconds s after the start"
compose run --rm -T cli backup --mode p >&2
docker exec "$run-sidecar" cvat-backups backup --mode p >&2
sleep "$idle_seconds"
memory "idle for $idle_seconds s after a run"
