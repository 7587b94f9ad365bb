# One image for all servers of lineage. docs/deploy.md says how to run it.
#
# BASE is any image of Linux with Python 3.11 or newer and its `venv`: where no registry is reached, one
# that is there. EXTRAS are those of pyproject.toml.
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
ARG EXTRAS=mlmd,web,neo4j-fast
# Where pip fetches packages, if not from the public index.
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY pyproject.toml /source/
# By themselves, so that a change of the sources alone does not fetch them again.
RUN python3 -m venv /opt/lineage \
    && python3 -c 'import sys, tomllib; project = tomllib.load(sys.stdin.buffer)["project"]; print(*project["dependencies"], *(each for extra in sys.argv[1].split(",") for each in project["optional-dependencies"][extra]), sep="\n")' \
        "${EXTRAS}" </source/pyproject.toml >/source/requirements.txt \
    && /opt/lineage/bin/pip install --quiet --requirement /source/requirements.txt
COPY . /source
RUN /opt/lineage/bin/pip install --quiet --no-deps /source \
    && /opt/lineage/bin/pip uninstall --quiet --yes pip setuptools

FROM ${BASE}
COPY --from=build /opt/lineage /opt/lineage
RUN echo 'lineage:x:10001:10001::/data:/usr/sbin/nologin' >>/etc/passwd \
    && echo 'lineage:x:10001:' >>/etc/group \
    && mkdir -m 0750 /data /backup \
    && chown 10001:10001 /data /backup
# All that it writes is in the volume, temporary files too: the rest may be read-only.
ENV PATH=/opt/lineage/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    TMPDIR=/data \
    SQLITE_TMPDIR=/data \
    LINEAGE_STORE=/data/lineage.db
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["python", "-c", \
    "import http.client as c, sys; h = c.HTTPConnection('127.0.0.1', 8000, timeout=4); h.request('GET', '/health/ready'); sys.exit(h.getresponse().status != 200)"]
ENTRYPOINT ["lineage"]
CMD ["serve", "--http", "0.0.0.0:8000", "--mlmd", "0.0.0.0:8080", "--tokens", "/etc/lineage/tokens"]
