#!/usr/bin/env bash
# Make .ci/libraries/venvs/NAME for each NAME: what NAME.txt lists, of at most 300 MB, in an environment of its
# own, which takes this project and the rest from the project's own environment.
set -euo pipefail
cd "$(dirname "$0")"
site='import site; print(site.getsitepackages()[0])'
for name; do
    venv=venvs/$name
    [[ $venv/.ready -nt $name.txt ]] && continue
    "${PYTHON:-python3}" -m venv --clear "$venv"
    own=$("$venv/bin/python" -c "$site")
    ../../.venv/bin/python -c "$site" >"$own/project.pth"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$name.txt"
    size=$(du -sm "$own" | cut -f1)
    ((size <= 300)) || { echo "$name takes $size MB, and 300 are allowed" >&2; exit 1; }
    touch "$venv/.ready"
done
