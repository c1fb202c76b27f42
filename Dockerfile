# One image for every part: the worker, the HTTP server, the sandbox and each command.
#   docker run signal-room workers/main
#   docker run signal-room status --json

FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

FROM node:22-slim
# The Temporal client trusts what the system trusts.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
# Postgres is a server of its own here, and of Temporal's native code only this machine's is needed: 230 MB less.
RUN npm ci --omit=dev --omit=optional \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} + \
  && npm cache clean --force
COPY scripts/run.mjs scripts/run.mjs
COPY internal-affiliates.csv internal-affiliates.csv
COPY examples examples
COPY --from=build /app/dist dist
# A volume that is new takes over whose this folder is.
RUN install -d -o 1000 -g 1000 -m 750 /import /promo-spool
ENV IMPORT_DIR=/import PROMO_SPOOL_DIR=/promo-spool
# node, by number: some hosts insist.
USER 1000
ENTRYPOINT ["node", "--enable-source-maps", "scripts/run.mjs"]
CMD ["workers/main"]
