# The image of a Linger worker: the packages of requirements-run.lock, Linger itself, and this folder's rules and
# sources as a start. Mount your own over them. Settings come from LINGER_ variables; see `linger config show`.

FROM python:3.11.17-slim-bookworm AS base


FROM base AS builder

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

WORKDIR /build

# Installing Linger compiles the core. Any version of Debian's compiler works.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*

# Files that change rarely come first, so that a change of the code downloads no package again. All packages are wheels,
# except faust-streaming on arm64, which is built from source.
COPY requirements-run.lock ./
RUN python -m venv /opt/linger \
    && /opt/linger/bin/pip install --require-hashes -r requirements-run.lock

# The lock includes the build tools, so this step downloads nothing. Afterwards no installer is left in the venv.
COPY LICENSE README.md pyproject.toml setup.py ./
COPY packs packs
COPY schemas schemas
COPY workers workers
RUN /opt/linger/bin/pip install --no-index --no-deps --no-build-isolation . \
    && /opt/linger/bin/pip uninstall --yes Cython setuptools pip


FROM base

LABEL org.opencontainers.image.title="Linger" \
      org.opencontainers.image.description="Notices that a customer is about to leave, or has left, and says so in time" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"

# The file system may be read-only, because the builder has written the bytecode.
ENV PATH=/opt/linger/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

COPY --from=builder /opt/linger /opt/linger

# The defaults of LINGER_RULES and LINGER_SOURCES are relative to this folder.
WORKDIR /linger
COPY rules rules
COPY sources.yaml ./

# A number, so that Kubernetes' runAsNonRoot can check it. Any other user works too.
USER 10001:10001

# On SIGTERM, a worker first gives its partitions back. Exec forms let the signal reach it without a shell.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["linger", "healthcheck"]
ENTRYPOINT ["linger"]
CMD ["run"]
