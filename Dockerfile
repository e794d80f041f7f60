# Metertap: the proxy and its command line. Sources run as they are; nothing is compiled.

FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force

FROM node:24.21.0-bookworm-slim
ARG REVISION=unknown
LABEL org.opencontainers.image.title="metertap" \
      org.opencontainers.image.description="A metering reverse proxy for the OpenAI API and everything that speaks its dialect." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"

WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY bin ./bin
COPY src ./src
COPY dashboard/dist ./dashboard/dist
COPY config/demo.yaml ./config/demo.yaml

# The ledger outlives the container. The folder is made here so that a new volume belongs to the user below.
RUN install --directory --owner=node --group=node --mode=700 /data ./node_modules/.cache/metertap
VOLUME /data

ENV NODE_ENV=production \
    METERTAP_HOST=0.0.0.0 \
    METERTAP_PORT=8787 \
    METERTAP_DATA_DIR=/data
USER node
# One start and stop fills the cache of compiled sources, so that every start of a container is a fast one.
RUN METERTAP_HOST=127.0.0.1 METERTAP_DATA_DIR=./node_modules/.cache/metertap/first-start \
    timeout --preserve-status --signal=TERM 10 node bin/metertap.js serve && rm -r ./node_modules/.cache/metertap/first-start
EXPOSE 8787

HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.METERTAP_PORT + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# No shell and no npm in between: node is process 1, gets SIGTERM itself, and waits for open calls before it ends.
STOPSIGNAL SIGTERM
CMD ["node", "--max-semi-space-size=16", "--no-allocation-site-pretenuring", "bin/metertap.js", "serve"]
