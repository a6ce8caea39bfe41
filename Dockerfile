# Errands in a container: the API, a worker, or both, by the command that it is given.
# Everything the wheel needs comes from requirements/, hashed; nothing is compiled in the image that runs.
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv /opt/errands && /opt/errands/bin/pip install --no-cache-dir --require-hashes -r requirements/all.txt
COPY . .
RUN /opt/errands/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12-slim-bookworm
RUN useradd --create-home --uid 10001 errands && install --directory --owner=errands --mode=0700 /var/lib/errands
COPY --from=build /opt/errands /opt/errands
ENV PATH=/opt/errands/bin:$PATH \
    ERRANDS_HOME=/var/lib/errands \
    ERRANDS_HOST=0.0.0.0 \
    ERRANDS_LOG_FORMAT=json \
    PYTHONUNBUFFERED=1
USER errands
VOLUME /var/lib/errands
EXPOSE 8420
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8420/healthz', timeout=5)"]
ENTRYPOINT ["errands"]
CMD ["start"]
