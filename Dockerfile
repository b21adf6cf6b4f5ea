# Images of cvat-backups. No syntax that needs BuildKit, so that any builder takes it.
#
#   docker build --target services -t cvat-backups .           every service and the command line
#   docker build --target sidecar -t cvat-backups-sidecar .    the same with redis-server, runs `serve`
#   docker build --target simulator -t cvat-simulator .        the CVAT of the demo
#
# Why it is made this way: docs/decisions/0014-images.md.

ARG NODE_VERSION=24

FROM node:${NODE_VERSION}-slim AS dependencies
RUN apt-get update \
  && apt-get install -y --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json ./
# No install script is needed: Node.js is that of the image, everything else has a form without compiled parts.
# The compiler stays behind `--omit=dev` as an optional peer of a package; like type declarations, source maps and
# TypeScript sources inside packages it is never loaded.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error \
  && rm -rf node_modules/typescript node_modules/@typescript node_modules/.bin \
  && find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -name '*.md' \) -delete \
  && npm cache clean --force

FROM node:${NODE_VERSION}-slim AS services
# Forwards signals, also before a process has handlers of its own, and reaps what a killed process leaves.
COPY --from=dependencies /usr/bin/tini-static /usr/local/bin/tini
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json crontab LICENSE ./
COPY bin ./bin
COPY docker/ask-health.mjs docker/warm-cache.mjs ./docker/
COPY shared ./shared
COPY services ./services
COPY cli ./cli
# A volume that is mounted here for the first time takes over the owner.
RUN ln -s /app/bin/cvat-backups /usr/local/bin/cvat-backups \
  && mkdir -p /cvat-backups /var/lib/cvat-backups /var/cache/cvat-backups \
  && chown node:node /cvat-backups /var/lib/cvat-backups /var/cache/cvat-backups
ENV NODE_ENV=production \
  NODE_COMPILE_CACHE=/var/cache/cvat-backups \
  CVAT_BACKUP_DIR=/cvat-backups \
  CVAT_BACKUP_STATE_DIR=/var/lib/cvat-backups \
  CVAT_BACKUP_MONITORING_PORT=9464
# uid and gid 1000, named by number so that Kubernetes can tell that it is not root.
USER 1000:1000
# What is compiled once, with types stripped, is not compiled by each container again.
RUN ["node", "docker/warm-cache.mjs"]
# The flags of bin/cvat-backups, which says why.
ENTRYPOINT ["tini", "--", "node", "--max-semi-space-size=4", "--disable-warning=ExperimentalWarning", "/app/cli/main.ts"]
CMD ["--help"]
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["node", "/app/docker/ask-health.mjs"]
ARG VERSION=dev
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="cvat-backups" \
  org.opencontainers.image.description="Backs up every project and task of a CVAT server: on schedule, verified, kept by clear rules." \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}"

FROM services AS simulator
USER 0:0
COPY test/simulator ./test/simulator
USER 1000:1000
ENTRYPOINT ["tini", "--", "node", "--disable-warning=ExperimentalWarning", "/app/test/simulator/main.ts"]
CMD ["--host", "0.0.0.0"]
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=6 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/api/server/about').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
LABEL org.opencontainers.image.title="cvat-simulator" \
  org.opencontainers.image.description="A simulated CVAT server, for the demo and the tests of cvat-backups."

FROM services AS sidecar
USER 0:0
RUN apt-get update \
  && apt-get install -y --no-install-recommends redis-server \
  && apt-get clean \
  && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /etc/redis/redis.conf
USER 1000:1000
VOLUME /var/lib/cvat-backups
# A sidecar shares its network with others, who may have this port. BOARD_PORT=3000 gives `serve` a board.
ENV BOARD_PORT=off
CMD ["serve"]
LABEL org.opencontainers.image.title="cvat-backups-sidecar"

# What is built without --target.
FROM services
