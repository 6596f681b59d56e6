# The API's image. The default command serves; `python -m api.migrations` migrates the database.

FROM python:3.13-slim-trixie AS build
LABEL org.opencontainers.image.title=tasks-api
COPY requirements.txt /tmp/
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --no-compile --no-deps --require-hashes -r /tmp/requirements.txt \
 && /opt/venv/bin/pip uninstall --yes --quiet pip \
 && /opt/venv/bin/python -m compileall -q /opt/venv/lib
COPY api /app/api
COPY deploy /app/deploy
COPY observability /app/observability
RUN /opt/venv/bin/python -m compileall -q /app

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title=tasks-api
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PROMETHEUS_MULTIPROC_DIR=/run/app/metrics
WORKDIR /app
# Numeric, because Kubernetes checks runAsNonRoot against a number.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
ARG REVISION=
ENV REVISION=$REVISION
CMD ["python", "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]
