"""Runs the conformance cases: `python run.py [--case TEXT] [module ...]`, one JSON line for each case.

The server is named by MLFLOW_TRACKING_URI. With CAIRN_TEST_SERVER=stock the judge is MLflow's own server.
"""

import argparse
import importlib
import logging
import os
import sys
import warnings
from pathlib import Path

# A server error is shown as it is; the client's minutes of retries would only hide it.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
sys.path.insert(0, str(Path(__file__).parent))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", help="only cases whose title contains this")
    parser.add_argument("modules", nargs="*", help="conformance_<module>.py; all when absent")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    every = sorted(path.stem for path in Path(__file__).parent.glob("conformance_*.py"))
    wanted = [f"conformance_{module}" for module in options.modules] or every
    for module in wanted:
        importlib.import_module(module)
    import harness

    sys.exit(1 if harness.run_cases(options.case) else 0)


main()
