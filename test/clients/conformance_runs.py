"""Runs: life cycle, tags, params, inputs, nesting, and what is refused."""

import json
import re
import time

import mlflow
from harness import case, client, fails, new_experiment, new_run, post, same, unique
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag


@case("runs: create answers a running, named run with the experiment's artifact location")
def create():
    experiment_id = new_experiment()
    before = int(time.time() * 1000)
    run = client().create_run(experiment_id, run_name="first", tags={"a": "1"})
    assert re.fullmatch("[0-9a-f]{32}", run.info.run_id), run.info.run_id
    same((run.info.run_name, run.info.status, run.info.lifecycle_stage), ("first", "RUNNING", "active"))
    same((run.data.tags["a"], run.data.tags["mlflow.runName"]), ("1", "first"))
    location = client().get_experiment(experiment_id).artifact_location
    same(run.info.artifact_uri, f"{location}/{run.info.run_id}/artifacts")
    assert before <= run.info.start_time <= before + 60_000
    same(run.info.end_time, None)


@case("runs: one without a name gets one, and a given start time is kept")
def unnamed():
    run = client().create_run(new_experiment(), start_time=1234567890123)
    same(run.info.start_time, 1234567890123)
    assert run.info.run_name and run.data.tags["mlflow.runName"] == run.info.run_name


@case("runs: name and name tag must agree at creation")
def names_disagree():
    tags = {"mlflow.runName": "other"}
    fails("INVALID_PARAMETER_VALUE", client().create_run, new_experiment(), run_name="one", tags=tags)


@case("runs: update sets status, end time and name; the name and its tag follow each other")
def update():
    run_id = new_run()
    client().update_run(run_id, status="FAILED", name="renamed")
    run = client().get_run(run_id)
    same((run.info.status, run.info.run_name, run.data.tags["mlflow.runName"]), ("FAILED", "renamed", "renamed"))
    client().set_tag(run_id, "mlflow.runName", "by tag")
    same(client().get_run(run_id).info.run_name, "by tag")
    client().set_tag(run_id, "mlflow.runName", "")
    run = client().get_run(run_id)
    same((run.info.run_name, run.data.tags["mlflow.runName"]), ("by tag", "by tag"))
    client().set_terminated(run_id, status="KILLED", end_time=1999999999999)
    run = client().get_run(run_id)
    same((run.info.status, run.info.end_time), ("KILLED", 1999999999999))


@case("runs: a finished run may be resumed")
def resume():
    mlflow.set_experiment(unique("resume"))
    with mlflow.start_run(run_name="twice") as run:
        mlflow.log_metric("loss", 1.0, step=0)
    same(client().get_run(run.info.run_id).info.status, "FINISHED")
    with mlflow.start_run(run_id=run.info.run_id):
        same(client().get_run(run.info.run_id).info.status, "RUNNING")
        mlflow.log_metric("loss", 0.5, step=1)
    run = client().get_run(run.info.run_id)
    same((run.info.status, run.data.metrics["loss"], run.info.run_name), ("FINISHED", 0.5, "twice"))


@case("runs: an exception in the block marks the run FAILED")
def failed():
    mlflow.set_experiment(unique("failed"))
    try:
        with mlflow.start_run() as run:
            raise ValueError("on purpose")
    except ValueError:
        pass
    same(client().get_run(run.info.run_id).info.status, "FAILED")


@case("runs: an unknown id is RESOURCE_DOES_NOT_EXIST everywhere")
def unknown():
    missing = "0" * 32
    for action in (client().get_run, client().delete_run, client().restore_run, client().set_terminated):
        fails("RESOURCE_DOES_NOT_EXIST", action, missing)
    fails("RESOURCE_DOES_NOT_EXIST", client().log_metric, missing, "a", 1)
    fails("RESOURCE_DOES_NOT_EXIST", client().log_param, missing, "a", 1)
    fails("RESOURCE_DOES_NOT_EXIST", client().set_tag, missing, "a", 1)
    fails("RESOURCE_DOES_NOT_EXIST", client().log_batch, missing, metrics=[Metric("a", 1, 1, 1)])
    fails("RESOURCE_DOES_NOT_EXIST", client().create_run, "987654321987")


@case("runs: delete hides from search, refuses writes, and restore brings everything back")
def delete_and_restore():
    experiment_id = new_experiment()
    run_id = new_run(experiment_id)
    client().log_metric(run_id, "m", 1.5)
    client().delete_run(run_id)
    same(client().get_run(run_id).info.lifecycle_stage, "deleted")
    same(list(client().search_runs([experiment_id])), [])
    same([it.info.run_id for it in client().search_runs([experiment_id], run_view_type=2)], [run_id])
    refused = "INVALID_PARAMETER_VALUE"
    fails(refused, client().log_metric, run_id, "m", 2)
    fails(refused, client().log_param, run_id, "p", 2)
    fails(refused, client().set_tag, run_id, "t", 2)
    fails(refused, client().log_batch, run_id, metrics=[Metric("a", 1, 1, 1)])
    fails(refused, client().set_terminated, run_id)
    client().delete_run(run_id)
    client().restore_run(run_id)
    client().restore_run(run_id)
    run = client().get_run(run_id)
    same((run.info.lifecycle_stage, run.data.metrics), ("active", {"m": 1.5}))


@case("runs: tags are replaced, deleted, and may be empty or long")
def tags():
    run_id = new_run(tags={"a": "1"})
    client().set_tag(run_id, "a", "2")
    client().set_tag(run_id, "empty", "")
    client().set_tag(run_id, "long", "x" * 8000)
    client().set_tag(run_id, "a/b c.d-e:f", "ünï ☃")
    found = client().get_run(run_id).data.tags
    same((found["a"], found["empty"], len(found["long"]), found["a/b c.d-e:f"]), ("2", "", 8000, "ünï ☃"))
    client().delete_tag(run_id, "a")
    assert "a" not in client().get_run(run_id).data.tags
    fails("RESOURCE_DOES_NOT_EXIST", client().delete_tag, run_id, "a")


@case("runs: the last of equal tag keys in one batch wins")
def last_tag():
    run_id = new_run()
    client().log_batch(run_id, tags=[RunTag("t", "1"), RunTag("t", "2"), RunTag("t", "3")])
    same(client().get_run(run_id).data.tags["t"], "3")


@case("params: logged once they stay; the same value again is fine, another one is refused")
def params_are_immutable():
    run_id = new_run()
    client().log_param(run_id, "lr", 0.1)
    client().log_param(run_id, "lr", 0.1)
    text = fails("INVALID_PARAMETER_VALUE", client().log_param, run_id, "lr", 0.2)
    assert "was already logged with value='0.1'" in text, text
    client().log_batch(run_id, params=[Param("lr", "0.1"), Param("depth", "3")])
    fails("INVALID_PARAMETER_VALUE", client().log_batch, run_id, params=[Param("depth", "4")])
    same(client().get_run(run_id).data.params, {"lr": "0.1", "depth": "3"})


@case("params: empty, unicode and 6,000 characters are kept; duplicates in a batch are refused")
def param_values():
    run_id = new_run()
    values = {"empty": "", "uni": "naïve ☃\n2nd", "long": "v" * 6000, "a/b c.d-e": "x", "k" * 250: "y"}
    client().log_batch(run_id, params=[Param(k, v) for k, v in values.items()])
    same(client().get_run(run_id).data.params, values)
    fails("INVALID_PARAMETER_VALUE", client().log_batch, run_id, params=[Param("dup", "1"), Param("dup", "2")])
    fails("INVALID_PARAMETER_VALUE", client().log_param, run_id, "k" * 251, 1)


@case("names: what would escape a folder or holds odd characters is refused for metrics, params and tags")
def bad_names():
    run_id = new_run()
    for key in ("../up", "/root", "a//b", "a/../b", ".", "a,b", "a=b", "star*"):
        metric = {"run_id": run_id, "key": key, "value": 1, "timestamp": 1, "step": 0}
        param = {"run_id": run_id, "key": key, "value": "1"}
        for path, body in (("log-metric", metric), ("log-parameter", param), ("set-tag", param)):
            answer = post(f"/api/2.0/mlflow/runs/{path}", body)
            same((key, path, answer.status_code), (key, path, 400))
            same(answer.json()["error_code"], "INVALID_PARAMETER_VALUE")


@case("runs: nested runs name their parent, to any depth")
def nested():
    mlflow.set_experiment(unique("nested"))
    with mlflow.start_run(run_name="grandparent") as top:
        with mlflow.start_run(run_name="parent", nested=True) as middle:
            with mlflow.start_run(run_name="child", nested=True) as bottom:
                pass
    parent = lambda run: client().get_run(run.info.run_id).data.tags.get("mlflow.parentRunId")
    same((parent(bottom), parent(middle), parent(top)), (middle.info.run_id, top.info.run_id, None))
    same(client().get_parent_run(bottom.info.run_id).info.run_id, middle.info.run_id)
    filter_string = f"tags.mlflow.parentRunId = '{top.info.run_id}'"
    children = client().search_runs([top.info.experiment_id], filter_string)
    same([it.info.run_id for it in children], [middle.info.run_id])


@case("inputs: datasets with context are kept once, also when logged again")
def inputs():
    run_id = new_run()
    make = lambda name, digest: Dataset(name, digest, "local", '{"uri": "x.csv"}', schema="{}", profile='{"rows": 3}')
    log = lambda name, digest, context: client().log_inputs(
        run_id, datasets=[DatasetInput(make(name, digest), [InputTag("mlflow.data.context", context)])]
    )
    log("iris", "aa11", "training"), log("iris", "bb22", "test"), log("iris", "aa11", "training")
    found = client().get_run(run_id).inputs.dataset_inputs
    same(
        sorted((it.dataset.name, it.dataset.digest, it.tags[0].value) for it in found),
        [("iris", "aa11", "training"), ("iris", "bb22", "test")],
    )
    same((found[0].dataset.source_type, found[0].dataset.profile), ("local", '{"rows": 3}'))


@case("inputs: mlflow.log_input keeps a pandas dataset's digest, schema and profile")
def log_input():
    import pandas

    mlflow.set_experiment(unique("datasets"))
    frame = pandas.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})
    dataset = mlflow.data.from_pandas(frame, source="https://example.com/data.csv", name="points")
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="training", tags={"split": "a"})
    found = client().get_run(run.info.run_id).inputs.dataset_inputs[0]
    same((found.dataset.name, found.dataset.digest), ("points", dataset.digest))
    assert "num_rows" in found.dataset.profile and "mlflow_colspec" in found.dataset.schema
    same({tag.key: tag.value for tag in found.tags}, {"mlflow.data.context": "training", "split": "a"})


@case("runs: a batch keeps metrics, params and tags together")
def batch():
    run_id = new_run()
    metrics = [Metric(f"m{n}", n, 1000 + n, n) for n in range(700)]
    params = [Param(f"p{n}", str(n)) for n in range(100)]
    client().log_batch(run_id, metrics, params, [RunTag(f"t{n}", "v") for n in range(100)])
    data = client().get_run(run_id).data
    same((len(data.metrics), len(data.params)), (700, 100))
    same((data.metrics["m699"], data.params["p99"], data.tags["t99"]), (699.0, "99", "v"))


@case("runs: the fluent calls split what is larger than a batch")
def auto_chunking():
    mlflow.set_experiment(unique("chunks"))
    with mlflow.start_run() as run:
        mlflow.log_params({f"p{n}": n for n in range(250)})
        mlflow.log_metrics({f"m{n}": n for n in range(2300)}, step=7)
        mlflow.set_tags({f"t{n}": n for n in range(230)})
    data = client().get_run(run.info.run_id).data
    same((len(data.params), len(data.metrics)), (250, 2300))
    same(sum(key.startswith("t") for key in data.tags), 230)


@case("runs: a batch over 1000 metrics, 100 params, 100 tags or 1000 in all is refused whole")
def batch_limits():
    run_id = new_run()
    metric = lambda n: {"key": f"m{n}", "value": 1, "timestamp": 1, "step": 0}
    pair = lambda n: {"key": f"k{n}", "value": "v"}
    many = lambda make, count: [make(n) for n in range(count)]
    bodies = [
        {"metrics": many(metric, 1001)},
        {"params": many(pair, 101)},
        {"tags": many(pair, 101)},
        {"metrics": many(metric, 950), "params": many(pair, 51)},
    ]
    for body in bodies:
        answer = post("/api/2.0/mlflow/runs/log-batch", {"run_id": run_id, **body})
        same((answer.status_code, answer.json()["error_code"]), (400, "INVALID_PARAMETER_VALUE"))
    data = client().get_run(run_id).data
    same((data.metrics, data.params), ({}, {}))


@case("runs: a batch sent twice is the same as once")
def batch_retry():
    run_id = new_run()
    body = {
        "run_id": run_id,
        "metrics": [{"key": "m", "value": n, "timestamp": n, "step": n} for n in range(50)],
        "params": [{"key": "p", "value": "1"}],
        "tags": [{"key": "t", "value": "1"}],
    }
    for _ in range(2):
        same(post("/api/2.0/mlflow/runs/log-batch", body).status_code, 200)
    same([it.step for it in client().get_metric_history(run_id, "m")], list(range(50)))
    same(client().get_run(run_id).data.params, {"p": "1"})


@case("models: a 2.x log_model note on the run is kept", client=2)
def log_model_history():
    run_id = new_run()
    note = {"artifact_path": "model", "flavors": {}, "utc_time_created": "2026-01-01", "run_id": run_id}
    post("/api/2.0/mlflow/runs/log-model", {"run_id": run_id, "model_json": json.dumps(note)})
    history = json.loads(client().get_run(run_id).data.tags["mlflow.log-model.history"])
    same([(it["artifact_path"], it["run_id"]) for it in history], [("model", run_id)])
