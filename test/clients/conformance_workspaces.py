"""Workspaces keep their work apart, however the client names them."""

import contextlib
import uuid

import mlflow
from harness import TRACKING_URI, case, fails, folder, post, same, unique
from mlflow import MlflowClient

AZURE_ML = "/mlflow/v2.0/subscriptions/{0}/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/"


def new_workspace():
    name = f"team-{uuid.uuid4().hex[:8]}"
    answer = post("/api/3.0/mlflow/workspaces", {"name": name})
    same(answer.status_code, 201)
    return name


@contextlib.contextmanager
def tracking_uri(uri):
    mlflow.set_tracking_uri(uri)
    try:
        yield MlflowClient()
    finally:
        mlflow.set_tracking_uri(TRACKING_URI)


def whole_story(client):
    """Logs a run with an artifact, registers it, reads everything back. Returns the run's id."""
    experiment_id = client.create_experiment(unique("story"))
    run_id = client.create_run(experiment_id).info.run_id
    client.log_metric(run_id, "m", 0.5, step=3)
    client.log_text(run_id, "hello", "dir/note.txt")
    same(client.get_run(run_id).data.metrics, {"m": 0.5})
    same([it.path for it in client.list_artifacts(run_id, "dir")], ["dir/note.txt"])
    uri = client.get_run(run_id).info.artifact_uri
    same(mlflow.artifacts.load_text(f"{uri}/dir/note.txt"), "hello")
    same(open(client.download_artifacts(run_id, "dir/note.txt", str(folder()))).read(), "hello")
    name = client.create_registered_model(unique("model")).name
    client.create_model_version(name, f"{uri}/dir", run_id)
    same(client.get_model_version_download_uri(name, "1"), f"{uri}/dir")
    return run_id


@case("workspaces: a path prefix leads to a workspace with its own Default experiment", server="cairn")
def prefix():
    with tracking_uri(f"{TRACKING_URI}/w/{new_workspace()}") as client:
        same(client.get_experiment("0").name, "Default")
        run_id = whole_story(client)
        same(len(client.search_experiments()), 2)
    fails("RESOURCE_DOES_NOT_EXIST", MlflowClient().get_run, run_id)


@case("workspaces: two with equal names inside do not see each other", server="cairn")
def apart():
    experiment, model = unique("same"), unique("same")
    ids = []
    for _ in range(2):
        with tracking_uri(f"{TRACKING_URI}/w/{new_workspace()}") as client:
            client.create_registered_model(model)
            experiment_id = client.create_experiment(experiment)
            ids.append(client.create_run(experiment_id).info.run_id)
            same([it.info.run_id for it in client.search_runs([experiment_id])], ids[-1:])
            same(len(client.search_registered_models()), 1)
            for foreign in ids[:-1]:
                fails("RESOURCE_DOES_NOT_EXIST", client.get_run, foreign)
                fails("RESOURCE_DOES_NOT_EXIST", client.log_metric, foreign, "m", 1)


@case("workspaces: an artifact path of another workspace leads nowhere", server="cairn")
def foreign_artifacts():
    with tracking_uri(f"{TRACKING_URI}/w/{new_workspace()}") as client:
        run_id = whole_story(client)
        uri = client.get_run(run_id).info.artifact_uri
    with tracking_uri(f"{TRACKING_URI}/w/{new_workspace()}"):
        same(list(mlflow.artifacts.list_artifacts(uri)), [])


@case("workspaces: Azure ML's own form of the tracking URI works", server="cairn")
def azure_ml_form():
    name = new_workspace()
    with tracking_uri(TRACKING_URI + AZURE_ML.format(uuid.uuid4()) + name) as client:
        run_id = whole_story(client)
    with tracking_uri(f"{TRACKING_URI}/w/{name}") as client:
        same(client.get_run(run_id).info.run_id, run_id)


@case("workspaces: an unknown one is RESOURCE_DOES_NOT_EXIST", server="cairn")
def unknown():
    with tracking_uri(f"{TRACKING_URI}/w/nobody-{uuid.uuid4().hex[:8]}") as client:
        fails("RESOURCE_DOES_NOT_EXIST", client.get_experiment, "0")


@case("workspaces: mlflow's own calls create, list, describe, choose and delete one", client=3, server="cairn")
def fluent():
    name = f"team-{uuid.uuid4().hex[:8]}"
    mlflow.create_workspace(name, description="first")
    fails("RESOURCE_ALREADY_EXISTS", mlflow.create_workspace, name)
    assert {"default", name} <= {it.name for it in mlflow.list_workspaces()}
    mlflow.update_workspace(name, description="second")
    same(mlflow.get_workspace(name).description, "second")
    try:
        mlflow.set_workspace(name)
        run_id = whole_story(MlflowClient())
    finally:
        mlflow.set_workspace(None)
    fails("RESOURCE_DOES_NOT_EXIST", MlflowClient().get_run, run_id)
    with tracking_uri(f"{TRACKING_URI}/w/{name}") as client:
        same(client.get_run(run_id).data.metrics, {"m": 0.5})
    fails("INVALID_STATE", mlflow.delete_workspace, name)
    mlflow.delete_workspace(name, mode="CASCADE")
    fails("RESOURCE_DOES_NOT_EXIST", mlflow.get_workspace, name)
