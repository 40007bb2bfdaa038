"""Trains a small grid of ridge regressions, registers the best one, and predicts with what the registry gives back."""

import itertools
import json
import os
import tempfile

os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # a line for each run, otherwise

import mlflow
import numpy as np
import sklearn
from mlflow import MlflowClient
from mlflow.models import infer_signature
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

EXPERIMENT = "diabetes"
MODEL = "diabetes-ridge"
DEGREES, ALPHAS = (1, 2), (0.01, 0.1, 1.0)
IS_MLFLOW_3 = int(mlflow.__version__.split(".")[0]) >= 3


def main():
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        raise SystemExit("Please set MLFLOW_TRACKING_URI, for instance to http://127.0.0.1:7071")
    print(f"Tracking at {mlflow.get_tracking_uri()} with MLflow {mlflow.__version__}")
    experiment = mlflow.set_experiment(EXPERIMENT)
    mlflow.autolog(log_models=False, log_datasets=True, silent=True)

    patients = load_diabetes(as_frame=True)
    train_x, test_x, train_y, test_y = train_test_split(patients.data, patients.target, random_state=7)
    with mlflow.start_run(run_name="grid") as grid:
        print(f"Training {len(DEGREES) * len(ALPHAS)} models on {len(patients.data)} patients ...")
        for degree, alpha in itertools.product(DEGREES, ALPHAS):
            train(degree, alpha, train_x, test_x, train_y, test_y)

    best = compare(experiment.experiment_id, grid.info.run_id)
    predictions = read_report(best.run_id)
    version = register(best.run_id)
    predict_again(version, predictions, test_x)


def train(degree, alpha, train_x, test_x, train_y, test_y):
    """One child run: autolog writes params, training metrics and the data; we add test error, report and model."""
    with mlflow.start_run(run_name=f"degree {degree}, alpha {alpha}", nested=True):
        model = make_pipeline(PolynomialFeatures(degree), Ridge(alpha=alpha)).fit(train_x, train_y)
        predictions = model.predict(test_x)
        mlflow.log_metric("test_rmse", root_mean_squared_error(test_y, predictions))
        params = {"polynomialfeatures__degree": str(degree), "ridge__alpha": str(alpha)}
        mlflow.log_dict({"params": params, "predictions": predictions.tolist()}, "report/test.json")
        mlflow.sklearn.log_model(
            model,
            **({"name": "model"} if IS_MLFLOW_3 else {"artifact_path": "model"}),
            signature=infer_signature(test_x, predictions),
            pip_requirements=[f"scikit-learn=={sklearn.__version__}"],
        )


def compare(experiment_id, grid_id):
    """Prints the grid's runs, best first, as the server orders them; returns the best."""
    runs = mlflow.search_runs(
        [experiment_id],
        filter_string=f"tags.mlflow.parentRunId = '{grid_id}' and metrics.test_rmse > 0",
        order_by=["metrics.test_rmse ASC"],
    )
    assert len(runs) == len(DEGREES) * len(ALPHAS), f"{len(runs)} runs found"
    assert runs["metrics.test_rmse"].is_monotonic_increasing, "not in order"
    print("  degree   alpha   test error")
    for _, run in runs.iterrows():
        print(f"{settings(run)[0]:>8}{settings(run)[1]:>8}{run['metrics.test_rmse']:>13.2f}")
    best = runs.iloc[0]
    print("Best: {2:.2f} with degree {0} and alpha {1}".format(*settings(best), best["metrics.test_rmse"]))
    return best


def settings(run):
    return run["params.polynomialfeatures__degree"], run["params.ridge__alpha"]


def read_report(run_id):
    run = MlflowClient().get_run(run_id)
    path = mlflow.artifacts.download_artifacts(f"runs:/{run_id}/report/test.json", dst_path=tempfile.mkdtemp())
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    assert report["params"].items() <= run.data.params.items(), "autolog wrote something else"
    assert run.inputs.dataset_inputs, "autolog named no dataset"
    print(f"Downloaded its report with {len(report['predictions'])} predictions")
    return report["predictions"]


def register(run_id):
    """Registers the run's model as the next version, and calls it the champion."""
    version = mlflow.register_model(f"runs:/{run_id}/model", MODEL)
    MlflowClient().set_registered_model_alias(MODEL, "champion", version.version)
    assert MlflowClient().get_model_version_by_alias(MODEL, "champion").run_id == run_id
    print(f"Registered {MODEL} version {version.version}, now the champion")
    return version


def predict_again(version, before, test_x):
    by_version = mlflow.sklearn.load_model(f"models:/{MODEL}/{version.version}")
    by_alias = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion")
    for model in (by_version, by_alias):
        assert np.array_equal(model.predict(test_x), before), "the loaded model predicts something else"
    print(f"Loaded again by version and by alias: {len(before)} equal predictions")


if __name__ == "__main__":
    main()
