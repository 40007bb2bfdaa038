"""Logs what the tests of MLflow's page look at, with the real client: `fill.py <tracking address>`. Prints the ids as JSON."""

import json
import sys

import mlflow
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
experiment_id = mlflow.set_experiment("on the page").experiment_id
ids = {"experiment": experiment_id, "runs": []}

for index, name in enumerate(["first-run", "second-run"]):
    with mlflow.start_run(run_name=name) as run:
        ids["runs"].append(run.info.run_id)
        mlflow.log_param("learning_rate", 0.1 * (index + 1))
        mlflow.set_tag("team", "cairn")
        for step in range(50):
            mlflow.log_metric("loss", 1 / (step + 1) + index, step=step)
            mlflow.log_metric("accuracy", step / 50, step=step)
        mlflow.log_metric("final", 0.25 + index)
        mlflow.log_text("a note for the page", "notes/readme.txt")
        mlflow.log_dict({"depth": 3, "kind": "tree"}, "notes/settings.json")
        mlflow.log_text("<h1>Report of the run</h1>", "report.html")
        mlflow.log_table({"question": ["why"], "answer": ["because"]}, "table.json")
        picture = np.zeros((24, 24, 3), dtype=np.uint8)
        picture[:, :, index] = 255
        mlflow.log_image(picture, "picture.png")
        for step in (0, 10, 20):
            mlflow.log_image(picture, key="progress", step=step)
        frame = pd.DataFrame({"x": [1.0, 2.0], "y": [2.0, 4.0]})
        mlflow.log_input(mlflow.data.from_pandas(frame, name="points"), context="training")
        info = mlflow.sklearn.log_model(
            LinearRegression().fit(frame[["x"]], frame["y"]), name="regression", registered_model_name="line"
        )
        ids["model"] = info.model_id

client.set_registered_model_alias("line", "champion", 2)
client.update_model_version("line", "1", "the first line")
print(json.dumps(ids))
