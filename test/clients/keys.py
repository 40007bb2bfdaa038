"""One training run with whatever credentials the environment holds; prints what came of it as JSON."""

import json
import sys
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

try:
    mlflow.set_experiment(sys.argv[1])
    with mlflow.start_run() as run:
        mlflow.log_params({"lr": 0.1})
        mlflow.log_metric("loss", 0.5)
        mlflow.log_text("kept", "notes.txt")
    found = mlflow.get_run(run.info.run_id)
    kept = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="notes.txt")).read_text()
    print(json.dumps({"loss": found.data.metrics["loss"], "status": found.info.status, "notes": kept}))
except MlflowException as error:
    print(json.dumps({"refused": error.error_code, "message": error.message}))
