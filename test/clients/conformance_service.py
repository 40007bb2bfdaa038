"""What clients, probes and the web page ask of the server itself."""

import re

from harness import IS_STOCK, case, client, http, post, same, unique


@case("service: health answers OK and version a version number")
def probes():
    same((http("GET", "/health").status_code, http("GET", "/health").text), (200, "OK"))
    version = http("GET", "/version")
    same(version.status_code, 200)
    assert re.match(r"\d+\.\d+", version.text.strip()), version.text


@case("service: server-info names a store and says what the server can do", client=3)
def server_info():
    info = http("GET", "/api/3.0/mlflow/server-info").json()
    assert "store_type" in info, info
    same(info["workspaces_enabled"], not IS_STOCK)


@case("service: every route answers under ajax-api too, as the web page calls it")
def ajax():
    name = unique("ajax")
    experiment_id = post("/ajax-api/2.0/mlflow/experiments/create", {"name": name}).json()["experiment_id"]
    answer = http("GET", f"/ajax-api/2.0/mlflow/experiments/get?experiment_id={experiment_id}").json()
    same(answer["experiment"]["name"], name)
    same(client().get_experiment(experiment_id).name, name)


@case("service: a GET search takes repeated keys, and one key alone is a list too")
def query_lists():
    mark = unique("query")
    for name in "ba":
        client().create_experiment(f"{mark}-{name}")
    path = f"/api/2.0/mlflow/experiments/search?max_results=10&filter=name%20LIKE%20'{mark}%25'&order_by=name"
    same([it["name"][-1] for it in http("GET", path).json()["experiments"]], ["a", "b"])
    found = http("GET", path + "%20DESC&order_by=creation_time").json()["experiments"]
    same([it["name"][-1] for it in found], ["b", "a"])


@case("service: a body that is no JSON object is a 400, not a server error", server="cairn")
def bad_bodies():
    for body in (b"{", b"[1]", b"\xff\xfe", b'"text"'):
        answer = http("POST", "/api/2.0/mlflow/runs/create", data=body, headers={"Content-Type": "application/json"})
        same((body, answer.status_code), (body, 400))
    answer = http("POST", "/api/2.0/mlflow/runs/create", data=b"{}", headers={"Content-Type": "text/plain"})
    same(answer.status_code, 400)


@case("service: an error is a JSON object with code and message")
def errors_are_json():
    answer = http("GET", f"/api/2.0/mlflow/runs/get?run_id={'0' * 32}")
    same(answer.headers["Content-Type"].split(";")[0], "application/json")
    same(sorted(answer.json().keys() & {"error_code", "message"}), ["error_code", "message"])
