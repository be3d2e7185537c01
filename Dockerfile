# adgen: web and workers from one image. docs/deployment.md says how to build and run it.
#   docker build -t adgen .                         for real models
#   docker build -t adgen --build-arg STUDIO=1 .    with mock-ups for ads made without a token
# Two builds are the same to the byte of every package when the base is named by its digest:
#   --build-arg BASE=python:3.11.14-slim-bookworm@sha256:...
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS packages
ARG STUDIO=0
WORKDIR /build
COPY requirements.txt requirements-studio.txt constraints.txt ./
# pytest is of the order and of no use here; pip leaves once it is done.
RUN python -m venv /opt/adgen \
 && sed -i '/^pytest==/d' requirements.txt \
 && if [ "$STUDIO" = 1 ]; then cat requirements-studio.txt >> requirements.txt; fi \
 && /opt/adgen/bin/python -m pip install --no-cache-dir --no-compile --disable-pip-version-check \
      -r requirements.txt -c constraints.txt \
 && /opt/adgen/bin/python -m pip check --disable-pip-version-check \
 && /opt/adgen/bin/python -m pip uninstall --yes --quiet --disable-pip-version-check pip setuptools
COPY deploy/trim.py ./
RUN python trim.py /opt/adgen

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="adgen" \
      org.opencontainers.image.description="Make video ads with AI: web and workers" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm"

# libfribidi joins the letters of Arabic and Indic scripts on the cards; tini passes signals on
# and buries what the built-in Postgres leaves behind.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends libfribidi0 tini \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin adgen \
 && install -d -o adgen -g adgen -m 0750 /data

COPY --from=packages /opt/adgen /opt/adgen
WORKDIR /app
COPY app.py ./
COPY .streamlit .streamlit
COPY pages pages
COPY adgen adgen
RUN python -m compileall -q --invalidation-mode unchecked-hash app.py pages adgen

# Named, it is not asked of the outside world at each start.
ENV PATH=/opt/adgen/bin:$PATH \
    ADGEN_HOME=/data \
    PORT=8501 \
    STREAMLIT_BROWSER_SERVER_ADDRESS=localhost \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# By number, so that a cluster can tell that it is not root.
USER 10001:10001
VOLUME /data
EXPOSE 8501
STOPSIGNAL SIGTERM
# A worker's is `python -m adgen health worker`.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-m", "adgen", "health"]
ENTRYPOINT ["tini", "--"]
# A worker's is `python -m adgen worker`.
CMD ["sh", "-c", "exec streamlit run app.py --server.address 0.0.0.0 --server.port \"$PORT\""]
