#!/usr/bin/env bash
# Make .ci/mlflow/venv, which holds the real MLflow with a store in SQLite, and takes pandas and scikit-learn
# from this project's own environment: the whole of MLflow brings 800 MB.
set -euo pipefail
cd "$(dirname "$0")"
[[ -e venv/.ready ]] && exit
"${PYTHON:-python3}" -m venv --clear venv
site='import site; print(site.getsitepackages()[0])'
../../.venv/bin/python -c "$site" >"$(venv/bin/python -c "$site")/project.pth"
venv/bin/python -m pip install --quiet --disable-pip-version-check 'mlflow-skinny>=3,<4' sqlalchemy alembic sqlparse
touch venv/.ready
