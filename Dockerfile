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
RUN npm ci --omit=dev && npm cache clean --force
COPY scripts/run.mjs scripts/run.mjs
COPY internal-affiliates.csv internal-affiliates.csv
COPY examples examples
COPY --from=build /app/dist dist
# A volume that is new takes over whose this folder is.
RUN install -d -o 1000 -g 1000 -m 750 /import
ENV IMPORT_DIR=/import
# node, by number: some hosts insist.
USER 1000
ENTRYPOINT ["node", "--enable-source-maps", "scripts/run.mjs"]
CMD ["workers/main"]
