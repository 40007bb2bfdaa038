"""Runs from the wire's side: many writers at once, repeated requests, and bodies that no client would send."""

import concurrent.futures
import re

import mlflow
from harness import case, client, http, new_experiment, new_run, post, same, unique


@case("async: ten threads on one run lose nothing")
def threads():
    run_id = new_run()

    def work(thread):
        for n in range(20):
            client().log_metric(run_id, f"m{thread}", n, timestamp=n, step=n)
            client().log_metric(run_id, "shared", thread * 100 + n, timestamp=thread * 100 + n, step=0)
        client().log_param(run_id, f"p{thread}", thread)
        client().set_tag(run_id, f"t{thread}", thread)

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        for done in [pool.submit(work, thread) for thread in range(10)]:
            done.result()
    data = client().get_run(run_id).data
    same({key: data.metrics[key] for key in data.metrics}, {**{f"m{n}": 19.0 for n in range(10)}, "shared": 919.0})
    same(len(client().get_metric_history(run_id, "shared")), 200)
    same(data.params, {f"p{n}": str(n) for n in range(10)})
    same(sum(re.fullmatch("t[0-9]", key) is not None for key in data.tags), 10)


@case("async: synchronous=False returns at once and everything is there after waiting")
def asynchronous():
    mlflow.set_experiment(unique("async"))
    with mlflow.start_run() as run:
        waiting = [mlflow.log_metric("loss", 1 / (n + 1), step=n, synchronous=False) for n in range(300)]
        waiting.append(mlflow.log_param("lr", 0.1, synchronous=False))
        waiting.append(mlflow.log_params({"a": 1, "b": 2}, synchronous=False))
        waiting.append(mlflow.set_tag("kind", "async", synchronous=False))
        waiting.append(mlflow.log_metrics({"x": 1.0, "y": 2.0}, step=3, synchronous=False))
        for operation in waiting:
            operation.wait()
    same([it.step for it in client().get_metric_history(run.info.run_id, "loss")], list(range(300)))
    data = client().get_run(run.info.run_id).data
    same((data.params, data.tags["kind"]), ({"lr": "0.1", "a": "1", "b": "2"}, "async"))
    same((data.metrics["x"], data.metrics["y"]), (1.0, 2.0))


@case("wire: run_uuid stands for run_id, numbers may be text, unknown fields are ignored")
def lenient_bodies():
    run_id = new_run()
    body = {"run_uuid": run_id, "key": "m", "value": "2.5", "timestamp": "12", "step": "3", "flavour": "x"}
    same(post("/api/2.0/mlflow/runs/log-metric", body).status_code, 200)
    point = client().get_metric_history(run_id, "m")[0]
    same((point.value, point.timestamp, point.step), (2.5, 12, 3))
    same(http("GET", f"/api/2.0/mlflow/runs/get?run_uuid={run_id}").status_code, 200)


@case("wire: a missing or empty required field is INVALID_PARAMETER_VALUE and named")
def missing_fields():
    run_id = new_run()
    for path, body, name in [
        ("log-metric", {"run_id": run_id, "value": 1, "timestamp": 1}, "key"),
        ("log-metric", {"run_id": run_id, "key": "m", "timestamp": 1}, "value"),
        ("log-metric", {"run_id": run_id, "key": "m", "value": 1}, "timestamp"),
        ("log-parameter", {"run_id": run_id, "value": "1"}, "key"),
        ("set-tag", {"run_id": run_id, "value": "1"}, "key"),
        ("log-batch", {"metrics": []}, "run_id"),
        ("log-batch", {"run_id": run_id, "metrics": [{"value": 1, "timestamp": 1}]}, "metrics[0].name"),
        ("delete", {}, "run_id"),
    ]:
        answer = post(f"/api/2.0/mlflow/runs/{path}", body)
        same((path, answer.status_code, answer.json()["error_code"]), (path, 400, "INVALID_PARAMETER_VALUE"))
        assert f"'{name}'" in answer.json()["message"] or "name" in name, answer.json()


@case("wire: an unknown route is 404 without a JSON error of its own")
def unknown_route():
    answer = post("/api/2.0/mlflow/nobody/home", {})
    same(answer.status_code, 404)
    if answer.text.startswith("{"):
        assert answer.json().get("error_code") in (None, "ENDPOINT_NOT_FOUND"), answer.text


@case("wire: two creates of a run are two runs, each whole")
def create_twice():
    experiment_id = new_experiment()
    body = {"experiment_id": experiment_id, "run_name": "same", "start_time": 5}
    ids = {post("/api/2.0/mlflow/runs/create", body).json()["run"]["info"]["run_id"] for _ in range(2)}
    found = {it.info.run_id for it in client().search_runs([experiment_id])}
    assert ids == found, (ids, found)
