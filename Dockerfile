# The server, the dashboard and `kubectl traffic` in one image: no shell, no package tools, nobody's rights.
#
# Builds with Docker, BuildKit and buildah. `make image` also works where no registry can be reached, and hands
# in how this host reaches its packages as build secrets, which no layer keeps: docs/image.md.

# Any Debian with Python as `python`, pinned by digest; how to take a newer one is in docs/image.md.
ARG PYTHON=docker.io/library/python:3.13-slim-trixie@sha256:9662417aace5ae7b8e2609cce472b72a8958e134ba372808abe9cc1a0c0125e6

FROM ${PYTHON} AS packages
WORKDIR /src
COPY requirements/run.txt requirements/
COPY deploy/image/install deploy/image/
RUN --mount=type=secret,id=pip --mount=type=secret,id=ca \
    sh deploy/image/install dependencies

FROM packages AS system
COPY deploy/image/collect.py deploy/image/unneeded.txt deploy/image/
RUN python deploy/image/collect.py /opt/trafficmetrics /image

FROM packages AS project
COPY pyproject.toml README.md LICENSE ./
COPY metrics_server metrics_server
COPY apiservice apiservice
COPY dashboard dashboard
RUN sh deploy/image/install project /project

FROM scratch
COPY --from=system /image/ /
COPY --from=project /project/ /
ENV PATH=/opt/trafficmetrics/bin \
    LANG=C.UTF-8 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="TrafficMetrics" \
      org.opencontainers.image.description="One Kubernetes API for the traffic of any service mesh" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
WORKDIR /home/trafficmetrics
EXPOSE 8443 8050
STOPSIGNAL SIGTERM
ENTRYPOINT ["trafficmetrics-server"]
