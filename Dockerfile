# Errands in a container: the API, a worker, or both, by the command that it is given.
# What runs and what builds the wheel come from requirements/, and the page's packages from web/package-lock.json, all
# hashed. Nothing of what builds is in the image that runs.
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv /opt/errands \
    && /opt/errands/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements/all.txt
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements/wheel.txt
COPY . .
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/errands/bin/pip install --no-cache-dir --no-deps --no-index /wheel/*.whl

FROM python:3.12-slim-bookworm
# Each folder that a volume is mounted on exists and is the user's: a new volume takes its owner over.
RUN useradd --create-home --uid 10001 errands \
    && install --directory --owner=errands --group=errands --mode=0700 /var/lib/errands /srv/artifacts /srv/workspaces
COPY --from=build /opt/errands /opt/errands
ENV PATH=/opt/errands/bin:$PATH \
    ERRANDS_HOME=/var/lib/errands \
    ERRANDS_HOST=0.0.0.0 \
    ERRANDS_LOG_FORMAT=json \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER errands
WORKDIR /var/lib/errands
VOLUME /var/lib/errands
EXPOSE 8420
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8420/healthz', timeout=5)"]
ENTRYPOINT ["errands"]
CMD ["start"]
