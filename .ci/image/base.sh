#!/usr/bin/env bash
# Make the image that those of the tests begin with, Debian and nothing else: no registry of images is
# asked. Needs root, a Docker engine that answers and debootstrap. Where the image is already there,
# nothing is done. Prints its name.
set -euo pipefail

image=lineage-test-debian:bookworm

exec 9>"${TMPDIR:-/tmp}/lineage-test-debian.lock"
flock 9 # two builds that need it wait for one making of it
if ! docker image inspect "$image" >/dev/null 2>&1; then
    echo "Making the image $image of Debian's packages" >&2
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    debootstrap --variant=minbase bookworm "$work/root" >"$work/log" ||
        { tail -n 50 "$work/log" >&2; exit 1; }
    tar --directory "$work/root" --create . |
        docker import --change "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" - "$image" >/dev/null
fi
echo "$image"
