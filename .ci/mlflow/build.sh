#!/usr/bin/env bash
# Make .ci/mlflow/venv, which holds the real MLflow: it brings 800 MB of libraries, so it has an environment of its own.
set -euo pipefail
cd "$(dirname "$0")"
[[ -e venv/.ready ]] && exit
"${PYTHON:-python3}" -m venv --clear venv
venv/bin/python -m pip install --quiet --disable-pip-version-check 'mlflow>=3,<4'
touch venv/.ready
