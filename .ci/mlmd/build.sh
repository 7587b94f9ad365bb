#!/usr/bin/env bash
# Make .ci/mlmd/venv, which holds the real ML Metadata. It pins protobuf below 5, so it has an
# interpreter of its own, which must be a Python 3.11: there are no wheels for newer ones.
set -euo pipefail
cd "$(dirname "$0")"
[[ -e venv/.ready ]] && exit
"${PYTHON:-python3}" -m venv --clear venv
venv/bin/python -m pip install --quiet --disable-pip-version-check ml-metadata==1.17.1
touch venv/.ready
