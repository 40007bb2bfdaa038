"""What the conformance cases share: how a case is declared and run, and a few words to say what is expected.

A case is a function without arguments that asserts. It makes everything it needs under unique names, so cases do not
depend on each other or on their order, and may run against a server that holds other people's work.
"""

import json
import os
import tempfile
import time
import traceback
import uuid
from pathlib import Path

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

MLFLOW_3 = int(mlflow.__version__.split(".")[0]) >= 3
# "stock" when the judge is MLflow's own server; the few places where expectations differ ask for it.
IS_STOCK = os.environ.get("CAIRN_TEST_SERVER") == "stock"
TRACKING_URI = os.environ["MLFLOW_TRACKING_URI"].rstrip("/")

_cases = []


def case(title, client=None, server=None):
    """Declares a case; `client` 2 or 3 and `server` limit where it runs.

    `server` "cairn" where MLflow's own server behaves otherwise, "not stock 2" where only its 2.x server does.
    """
    left_out = (server == "cairn" and IS_STOCK) or (server == "not stock 2" and IS_STOCK and not MLFLOW_3)

    def declare(function):
        runs_here = client in (None, 3 if MLFLOW_3 else 2) and not left_out
        if runs_here:
            _cases.append((title, function))
        return function

    return declare


def run_cases(only=None):
    """Runs the declared cases and prints a JSON line for each as it ends. Returns the number of failures."""
    failures = 0
    for title, function in _cases:
        if only and only not in title:
            continue
        started = time.monotonic()
        error = None
        try:
            function()
        except Exception:
            error = traceback.format_exc(limit=-6)
        while mlflow.active_run():
            mlflow.end_run()
        failures += error is not None
        seconds = round(time.monotonic() - started, 2)
        print(json.dumps({"case": title, "seconds": seconds, "error": error}), flush=True)
    return failures


def client():
    return MlflowClient()


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def new_experiment(**options):
    return client().create_experiment(unique("experiment"), **options)


def new_run(experiment_id=None, **options):
    """The id of a new, running run."""
    return client().create_run(experiment_id or new_experiment(), **options).info.run_id


def folder():
    return Path(tempfile.mkdtemp(prefix="conformance-"))


def fails(code, action, *args, **kwargs):
    """Asserts that the call raises MlflowException with this error code (or one of these); returns its text."""
    codes = (code,) if isinstance(code, str) else code
    try:
        result = action(*args, **kwargs)
    except MlflowException as error:
        assert error.error_code in codes, f"{error.error_code} instead of {code}: {error}"
        return str(error)
    raise AssertionError(f"expected {code}, got {result!r}")


def same(actual, expected):
    assert actual == expected, f"\n  actual:   {actual!r}\n  expected: {expected!r}"


def http(method, path, **options):
    """A request without the client, for what no client would send. `path` begins with `/api`."""
    return requests.request(method, TRACKING_URI + path, timeout=60, **options)


def post(path, body):
    return http("POST", path, json=body)
