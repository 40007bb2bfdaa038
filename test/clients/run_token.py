"""A script as a job runs it: it resumes the run that it was started for, logs, registers, begins others, and reads on when its run has ended."""

import json
import os

import mlflow
from mlflow.exceptions import MlflowException

client = mlflow.MlflowClient()
with mlflow.start_run() as run:
    mlflow.log_params({"lr": 0.1})
    mlflow.log_metric("loss", 0.5)
    mlflow.log_text("kept", "model/notes.txt")
    with mlflow.start_run(nested=True):
        mlflow.log_metric("loss", 0.25)
    own_experiment = client.create_experiment(f"of {run.info.run_id}")
    client.set_terminated(client.create_run(own_experiment).info.run_id)
    name = f"of-{run.info.run_id}"
    client.create_registered_model(name)
    version = client.create_model_version(name, f"runs:/{run.info.run_id}/model", run.info.run_id)

refused = []
for attempt in (
    lambda: client.log_metric(os.environ["OTHER_RUN"], "loss", 0),
    lambda: client.set_registered_model_alias(name, "best", version.version),
    lambda: mlflow.start_run(run_id=run.info.run_id),
    lambda: client.create_run("0"),
    lambda: client.create_model_version(name, f"runs:/{run.info.run_id}/model", run.info.run_id),
):
    try:
        attempt()
    except MlflowException as error:
        refused.append("PERMISSION_DENIED" in str(error) or error.error_code == "PERMISSION_DENIED")

children = mlflow.search_runs(search_all_experiments=True, filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'")
found = client.get_run(run.info.run_id)
print(
    json.dumps(
        {
            "run": found.info.run_id,
            "status": found.info.status,
            "loss": found.data.metrics["loss"],
            "children": len(children),
            "version": int(version.version),
            "refused": refused,
        }
    )
)
