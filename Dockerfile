# Standpipe's own processes: web, worker, subscribers, clock, ingest, telephony, simulator.
# One image for all; docker-compose.yml says which runs where. docs/operations.md, "Containers".

FROM debian:bookworm-slim AS base
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        python3 python3-venv gdal-bin espeak-ng sox sip-tester \
    && rm -rf /var/lib/apt/lists/*

FROM base AS build
COPY requirements /build/requirements
RUN python3 -m venv /opt/standpipe/env \
    && /opt/standpipe/env/bin/python -m pip install --require-hashes \
        -r /build/requirements/installer.txt \
    && /opt/standpipe/env/bin/uv pip install --python /opt/standpipe/env/bin/python \
        --require-hashes -r /build/requirements/runtime.txt
COPY package.json package-lock.json .npmrc /app/
COPY ops /app/ops
COPY telephony /app/telephony
WORKDIR /app
ENV PATH=/opt/standpipe/env/bin:/usr/sbin:/usr/bin:/sbin:/bin
# The same code as on a machine: the browser's libraries and the spoken prompts.
RUN python -m ops.containers prepare /opt/standpipe

FROM base
COPY --from=build /opt/standpipe /opt/standpipe
COPY . /app
WORKDIR /app
RUN useradd --system --uid 10001 --home-dir /var/lib/standpipe --create-home standpipe \
    && mkdir -p /var/lib/standpipe/state/recordings \
    && chown -R standpipe:standpipe /var/lib/standpipe \
    && /opt/standpipe/env/bin/python -m ops.containers messages
ENV PATH=/opt/standpipe/env/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1
USER standpipe
CMD ["python", "-m", "uvicorn", "server.config.asgi:application", "--host", "0.0.0.0", "--port", "8000"]
