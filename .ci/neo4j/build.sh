#!/usr/bin/env bash
# Make the image that the tests start, of Debian's packages and Maven Central: no registry of images
# is asked. Needs root, a Docker engine that answers, debootstrap, mvn and javac 17.
# Where the image is already there, nothing is done.
set -euo pipefail
cd "$(dirname "$0")"

image=neo4j:5.26-community # the official image's name: where that one can be pulled, it serves as well
base=lineage-test-jre:bookworm

have() { docker image inspect "$1" >/dev/null 2>&1; }

if have "$image"; then
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! have "$base"; then
    debian=$(../image/base.sh)
    echo "Making the image $base of Debian's packages"
    docker build --quiet --tag "$base" - >/dev/null <<END
FROM $debian
RUN apt-get update -qq \
    && apt-get install -qq --yes --no-install-recommends openjdk-17-jre-headless >/dev/null \
    && rm -rf /var/lib/apt/lists/*
END
fi

echo "Making the image $image of Maven's libraries"
mkdir "$work/image"
mvn --quiet --batch-mode --file pom.xml dependency:copy-dependencies \
    -DoutputDirectory="$work/image/libraries"
javac --release 17 -cp "$work/image/libraries/*" -d "$work/image/classes" CommunityServer.java
docker build --quiet --tag "$image" --file Dockerfile "$work/image" >/dev/null
