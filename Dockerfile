# The image of a Linger worker: the packages of requirements-run.lock, Linger itself, and the rules and sources of
# this folder as a start; mount your own over them. Settings come from LINGER_ variables, see `linger config show`.

FROM python:3.11.17-slim-bookworm AS base


FROM base AS builder

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

WORKDIR /build

# The core is compiled when Linger is installed. Whatever version of the compiler Debian has will do.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*

# What changes seldom comes first: a change of the code fetches no package again. All are wheels, but for arm64 there is
# none of faust-streaming: there its source is built.
COPY requirements-run.lock ./
RUN python -m venv /opt/linger \
    && /opt/linger/bin/pip install --require-hashes -r requirements-run.lock

# The lock holds what builds Linger too, so this step fetches nothing. Afterwards no installer is left in the venv.
COPY LICENSE README.md pyproject.toml setup.py ./
COPY schemas schemas
COPY workers workers
RUN /opt/linger/bin/pip install --no-index --no-deps --no-build-isolation . \
    && /opt/linger/bin/pip uninstall --yes Cython setuptools pip


FROM base

LABEL org.opencontainers.image.title="Linger" \
      org.opencontainers.image.description="Notices that a customer is about to leave, or has left, and says so in time" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"

# The file system may be read-only: the builder wrote the bytecode.
ENV PATH=/opt/linger/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

COPY --from=builder /opt/linger /opt/linger

# LINGER_RULES and LINGER_SOURCES are read from here unless they say otherwise.
WORKDIR /linger
COPY rules rules
COPY sources.yaml ./

# A number, so that Kubernetes' runAsNonRoot can check it; whoever runs the image may choose another one.
USER 10001:10001

# A worker that is told to stop gives back its partitions first. Exec forms: the signal reaches it without a shell.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["linger", "healthcheck"]
ENTRYPOINT ["linger"]
CMD ["run"]
