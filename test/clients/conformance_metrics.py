"""Metrics: special numbers, history, paging, and which point is the latest."""

import math

import mlflow
from harness import IS_STOCK, case, client, fails, http, new_run, post, same, unique
from mlflow.entities import Metric

MAX_DOUBLE = 1.7976931348623157e308


def latest(run_id, key="m"):
    return client().get_run(run_id).data.metrics[key]


def log(run_id, *points, key="m"):
    """Points are (value, timestamp, step)."""
    client().log_batch(run_id, metrics=[Metric(key, value, timestamp, step) for value, timestamp, step in points])


@case("metrics: values come back exactly")
def exact():
    run_id = new_run()
    values = [0.1, -1e-300, 5e-324, MAX_DOUBLE, 123456789.123456789, 0.0, 2**53 + 2.0]
    log(run_id, *[(value, n, n) for n, value in enumerate(values)])
    same([it.value for it in client().get_metric_history(run_id, "m")], values)


@case("metrics: NaN stays NaN, infinity becomes the largest double, as in MLflow's own store")
def special():
    run_id = new_run()
    for n, value in enumerate([math.nan, math.inf, -math.inf]):
        client().log_metric(run_id, f"single{n}", value)
        log(run_id, (value, 1, 1), key=f"batch{n}")
    for kind in ("single", "batch"):
        assert math.isnan(latest(run_id, f"{kind}0"))
        same((latest(run_id, f"{kind}1"), latest(run_id, f"{kind}2")), (MAX_DOUBLE, -MAX_DOUBLE))
        assert math.isnan(client().get_metric_history(run_id, f"{kind}0")[0].value)


@case("metrics: NaN travels as text, so that the answer is JSON for everybody")
def nan_on_the_wire():
    run_id = new_run()
    client().log_metric(run_id, "m", math.nan)
    answer = http("GET", f"/api/2.0/mlflow/runs/get?run_id={run_id}").json()
    same(answer["run"]["data"]["metrics"][0]["value"], "NaN")


@case("metrics: the latest is the greatest step, whatever arrives later")
def latest_step():
    run_id = new_run()
    log(run_id, (1.0, 100, 5))
    log(run_id, (2.0, 999, 4))
    same(latest(run_id), 1.0)
    log(run_id, (7.0, 1, 6), (8.0, 500, 2))
    same(latest(run_id), 7.0)
    log(run_id, (-3.0, 1, -1))
    same(latest(run_id), 7.0)


@case("metrics: at equal steps the latest timestamp wins, then the greatest value")
def latest_ties():
    run_id = new_run()
    log(run_id, (1.0, 10, 3), (5.0, 9, 3))
    same(latest(run_id), 1.0)
    log(run_id, (4.0, 10, 3), (2.0, 10, 3))
    same(latest(run_id), 4.0)
    log(run_id, (3.0, 10, 3))
    same(latest(run_id), 4.0)


@case("metrics: negative steps and steps beyond 2^31 are kept")
def odd_steps():
    run_id = new_run()
    log(run_id, (1.0, 1, -7), (2.0, 2, 2**40))
    same([it.step for it in client().get_metric_history(run_id, "m")], [-7, 2**40])


@case("metrics: history is ordered by timestamp, step and value, and exact duplicates are one")
def history_order():
    run_id = new_run()
    log(run_id, (3.0, 30, 1), (1.0, 10, 3), (2.0, 20, 2), (9.0, 20, 1), (8.0, 20, 1))
    log(run_id, (1.0, 10, 3))
    found = [(it.timestamp, it.step, it.value) for it in client().get_metric_history(run_id, "m")]
    same(found, [(10, 3, 1.0), (20, 1, 8.0), (20, 1, 9.0), (20, 2, 2.0), (30, 1, 3.0)])


@case("metrics: history of an unknown key is empty, of an unknown run RESOURCE_DOES_NOT_EXIST")
def unknown_history():
    same(list(client().get_metric_history(new_run(), "nobody")), [])
    if not IS_STOCK:
        fails("RESOURCE_DOES_NOT_EXIST", client().get_metric_history, "0" * 32, "m")


@case("metrics: 26,000 points come back complete, in order, through the client's pages")
def long_history():
    run_id = new_run()
    for start in range(0, 26_000, 1000):
        log(run_id, *[(n * 0.5, 1_000_000 + n, n) for n in range(start, start + 1000)])
    found = client().get_metric_history(run_id, "m")
    same((len(found), latest(run_id)), (26_000, 12_999.5))
    assert [it.step for it in found] == list(range(26_000)), "out of order"
    assert all(it.value == it.step * 0.5 for it in found)


@case("metrics: history pages of any size concatenate to the whole, and the last has no token", server="not stock 2")
def history_pages():
    run_id = new_run()
    log(run_id, *[(n, n // 3, n % 3) for n in range(60)])
    whole = [(it.timestamp, it.step, it.value) for it in client().get_metric_history(run_id, "m")]
    path = f"/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key=m&max_results=20"
    found, token, pages = [], "", 0
    while True:
        answer = http("GET", path + (f"&page_token={token}" if token else "")).json()
        found += [(int(it["timestamp"]), int(it["step"]), float(it["value"])) for it in answer["metrics"]]
        token, pages = answer.get("next_page_token"), pages + 1
        if not token:
            break
    same((found, pages), (whole, 3))


@case("metrics: history without max_results is the whole", server="cairn")
def unpaged_history():
    run_id = new_run()
    log(run_id, *[(n, n, n) for n in range(500)])
    answer = http("GET", f"/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key=m").json()
    same((len(answer["metrics"]), answer.get("next_page_token")), (500, None))


@case("metrics: a bad page token is INVALID_PARAMETER_VALUE", server="cairn")
def bad_token():
    path = f"/api/2.0/mlflow/metrics/get-history?run_id={new_run()}&metric_key=m&max_results=2&page_token=@@@"
    answer = http("GET", path)
    same((answer.status_code, answer.json()["error_code"]), (400, "INVALID_PARAMETER_VALUE"))


@case("metrics: what is no number is refused")
def not_numbers():
    run_id = new_run()
    for value in ("high", None) if IS_STOCK else ("high", None, True, [1], {}):
        body = {"run_id": run_id, "key": "m", "value": value, "timestamp": 1, "step": 0}
        answer = post("/api/2.0/mlflow/runs/log-metric", body)
        same((value, answer.status_code), (value, 400))
    same(client().get_run(run_id).data.metrics, {})


@case("metrics: a key of 250 characters is taken, one of 251 refused")
def key_length():
    run_id = new_run()
    client().log_metric(run_id, "k" * 250, 1)
    fails("INVALID_PARAMETER_VALUE", client().log_metric, run_id, "k" * 251, 1)


@case("metrics: one run may hold 5,000 names")
def many_names():
    mlflow.set_experiment(unique("wide"))
    with mlflow.start_run() as run:
        for start in range(0, 5000, 1000):
            mlflow.log_metrics({f"layer/{n}": n for n in range(start, start + 1000)})
    metrics = client().get_run(run.info.run_id).data.metrics
    same((len(metrics), metrics["layer/4999"]), (5000, 4999.0))
