#!/usr/bin/env bash
# Make the image of lineage on a base with Python, of Debian's packages: no registry of images is asked.
# Needs root, a Docker engine that answers and debootstrap. What is already there is not made again.
# With `base` it makes the base alone.
set -euo pipefail
cd "$(dirname "$0")"

base=lineage-test-python:bookworm

if ! docker image inspect "$base" >/dev/null 2>&1; then
    debian=$(./base.sh)
    echo "Making the image $base of Debian's packages"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # pip is to trust whom this machine trusts.
    cp /etc/ssl/certs/ca-certificates.crt "$work"
    cat >"$work/Dockerfile" <<END
FROM $debian
RUN apt-get update -qq \
    && apt-get install -qq --yes --no-install-recommends python3-venv >/dev/null \
    && rm -rf /var/lib/apt/lists/*
COPY ca-certificates.crt /etc/ssl/certs/
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt
END
    docker build --quiet --tag "$base" "$work" >/dev/null
fi

[[ ${1:-} == base ]] || docker build --quiet --tag lineage:test --build-arg "BASE=$base" ../.. >/dev/null
