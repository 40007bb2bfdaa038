"""The model registry: models, versions, stages, aliases, tags, search, copies, and what is refused."""

import warnings

import mlflow
from harness import IS_STOCK, MLFLOW_3, case, client, fails, folder, http, new_run, post, same, unique


def new_model(**options):
    return client().create_registered_model(unique("model"), **options).name


def new_version(name, run_id=None, **options):
    """A version whose source is an artifact folder of a run."""
    run_id = run_id or new_run()
    source = client().get_run(run_id).info.artifact_uri + "/model"
    return client().create_model_version(name, source, run_id=run_id, **options).version


def versions(filter_string, **options):
    return [(it.name, str(it.version)) for it in client().search_model_versions(filter_string, **options)]


@case("registry: create, get, describe, tag and delete a model")
def life_of_a_model():
    name = unique("model")
    model = client().create_registered_model(name, tags={"team": "risk"}, description="finds **fraud**")
    same((model.name, model.description, model.tags), (name, "finds **fraud**", {"team": "risk"}))
    assert model.creation_timestamp > 0
    client().update_registered_model(name, description="new")
    client().set_registered_model_tag(name, "team", "other")
    client().set_registered_model_tag(name, "empty", "")
    client().delete_registered_model_tag(name, "nobody")
    model = client().get_registered_model(name)
    same((model.description, model.tags), ("new", {"team": "other", "empty": ""}))
    assert model.last_updated_timestamp >= model.creation_timestamp
    client().delete_registered_model_tag(name, "empty")
    same(client().get_registered_model(name).tags, {"team": "other"})
    client().delete_registered_model(name)
    fails("RESOURCE_DOES_NOT_EXIST", client().get_registered_model, name)


@case("registry: a taken name is RESOURCE_ALREADY_EXISTS, and free again after deletion")
def taken():
    name = new_model()
    fails("RESOURCE_ALREADY_EXISTS", client().create_registered_model, name)
    client().delete_registered_model(name)
    client().create_registered_model(name)
    same(client().get_registered_model(name).latest_versions, [])


@case("registry: names that are blank or hold a slash or colon are refused", server="not stock 2")
def bad_names():
    for name in ("", " ", "a/b", "a:b"):
        answer = post("/api/2.0/mlflow/registered-models/create", {"name": name})
        same((name, answer.status_code, answer.json()["error_code"]), (name, 400, "INVALID_PARAMETER_VALUE"))


@case("registry: unknown models and versions are RESOURCE_DOES_NOT_EXIST")
def unknown():
    name, missing = new_model(), unique("nobody")
    for action in (client().get_registered_model, client().delete_registered_model):
        fails("RESOURCE_DOES_NOT_EXIST", action, missing)
    fails("RESOURCE_DOES_NOT_EXIST", client().rename_registered_model, missing, unique("new"))
    fails("RESOURCE_DOES_NOT_EXIST", client().update_registered_model, missing, "d")
    fails("RESOURCE_DOES_NOT_EXIST", client().get_latest_versions, missing)
    run_id = new_run()
    source = client().get_run(run_id).info.artifact_uri
    fails("RESOURCE_DOES_NOT_EXIST", client().create_model_version, missing, source, run_id)
    for action in (client().get_model_version, client().delete_model_version, client().get_model_version_download_uri):
        fails("RESOURCE_DOES_NOT_EXIST", action, name, "7")
    fails("RESOURCE_DOES_NOT_EXIST", client().set_model_version_tag, name, "7", "k", "v")
    fails("RESOURCE_DOES_NOT_EXIST", client().set_registered_model_alias, name, "best", "7")


@case("registry: versions count up, are ready at once, and numbers are never used again")
def version_numbers():
    name, run_id = new_model(), new_run()
    same([str(new_version(name, run_id)) for _ in range(3)], ["1", "2", "3"])
    client().delete_model_version(name, "3")
    fails("RESOURCE_DOES_NOT_EXIST", client().get_model_version, name, "3")
    client().delete_model_version(name, "1")
    same(str(new_version(name, run_id)), "4")
    version = client().get_model_version(name, "4")
    same((version.status, version.run_id, version.current_stage), ("READY", run_id, "None"))
    same(version.source, client().get_run(run_id).info.artifact_uri + "/model")
    same(sorted(versions(f"name = '{name}'")), [(name, "2"), (name, "4")])


@case("registry: a version keeps description, run link and tags, and they change")
def version_details():
    name = new_model()
    new_version(name, tags={"a": "1"}, description="first", run_link="https://example.com/run")
    version = client().get_model_version(name, "1")
    same((version.description, version.tags, version.run_link), ("first", {"a": "1"}, "https://example.com/run"))
    client().update_model_version(name, "1", "second")
    client().set_model_version_tag(name, "1", "b", "2")
    client().delete_model_version_tag(name, "1", "a")
    client().delete_model_version_tag(name, "1", "nobody")
    version = client().get_model_version(name, "1")
    same((version.description, version.tags), ("second", {"b": "2"}))
    assert version.last_updated_timestamp >= version.creation_timestamp > 0


@case("registry: the download URI is where the artifacts lie")
def download_uri():
    name, run_id = new_model(), new_run()
    new_version(name, run_id)
    root = client().get_run(run_id).info.artifact_uri
    same(client().get_model_version_download_uri(name, "1"), f"{root}/model")
    other = new_model()
    client().create_model_version(other, f"runs:/{run_id}/model", run_id=run_id)
    assert client().get_model_version_download_uri(other, "1") in (f"{root}/model", f"runs:/{run_id}/model")


@case("registry: stages move, archive the others when asked, and show in latest_versions")
def stages():
    warnings.simplefilter("ignore")
    name, run_id = new_model(), new_run()
    for _ in range(4):
        new_version(name, run_id)
    move = client().transition_model_version_stage
    move(name, "1", "Production"), move(name, "2", "production"), move(name, "3", "Staging")
    stage = lambda version: client().get_model_version(name, version).current_stage
    same([stage(n) for n in "1234"], ["Production", "Production", "Staging", "None"])
    move(name, "3", "Production", archive_existing_versions=True)
    same([stage(n) for n in "1234"], ["Archived", "Archived", "Production", "None"])
    latest = {it.current_stage: str(it.version) for it in client().get_registered_model(name).latest_versions}
    same(latest, {"None": "4", "Archived": "2", "Production": "3"})
    same([str(it.version) for it in client().get_latest_versions(name, stages=["Production"])], ["3"])
    same(sorted(str(it.version) for it in client().get_latest_versions(name)), ["2", "3", "4"])
    fails("INVALID_PARAMETER_VALUE", move, name, "1", "Shipping")
    if not IS_STOCK:  # stock answers 500, which its client repeats for minutes
        fails("INVALID_PARAMETER_VALUE", move, name, "1", "None", archive_existing_versions=True)


@case("registry: aliases point at one version, move, vanish with it, and show on model and version")
def aliases():
    name, run_id = new_model(), new_run()
    for _ in range(3):
        new_version(name, run_id)
    client().set_registered_model_alias(name, "champion", "1")
    client().set_registered_model_alias(name, "Challenger-2", "2")
    same(str(client().get_model_version_by_alias(name, "champion").version), "1")
    client().set_registered_model_alias(name, "champion", "2")
    found = client().get_registered_model(name).aliases
    same({key: str(value) for key, value in found.items()}, {"champion": "2", "Challenger-2": "2"})
    same(sorted(client().get_model_version(name, "2").aliases), ["Challenger-2", "champion"])
    same(client().get_model_version(name, "1").aliases, [])
    client().delete_registered_model_alias(name, "Challenger-2")
    client().delete_registered_model_alias(name, "nobody")
    fails("INVALID_PARAMETER_VALUE", client().get_model_version_by_alias, name, "Challenger-2")
    client().delete_model_version(name, "2")
    gone = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")
    fails(gone, client().get_model_version_by_alias, name, "champion")
    if MLFLOW_3 or not IS_STOCK:  # the 2.x server leaves an alias to nothing
        same(client().get_registered_model(name).aliases, {})


@case("registry: alias names that mean something else are refused")
def bad_aliases():
    name = new_model()
    new_version(name)
    for alias in ("latest", "Latest", "v1", "V12", "a b", "", "x" * 256):
        body = {"name": name, "alias": alias, "version": "1"}
        answer = post("/api/2.0/mlflow/registered-models/alias", body)
        same((alias, answer.status_code, answer.json()["error_code"]), (alias, 400, "INVALID_PARAMETER_VALUE"))


@case("registry: rename takes versions, tags and aliases along")
def rename():
    old, new = new_model(tags={"t": "1"}), unique("renamed")
    new_version(old)
    client().set_registered_model_alias(old, "champion", "1")
    client().rename_registered_model(old, new)
    model = client().get_registered_model(new)
    same((model.tags, [it.name for it in model.latest_versions]), ({"t": "1"}, [new]))
    same(client().get_model_version_by_alias(new, "champion").name, new)
    fails("RESOURCE_DOES_NOT_EXIST", client().get_registered_model, old)
    same((versions(f"name = '{old}'"), versions(f"name = '{new}'")), ([], [(new, "1")]))
    fails("RESOURCE_ALREADY_EXISTS", client().rename_registered_model, new, new_model())


@case("registry: deleting a model deletes its versions")
def cascade():
    name, run_id = new_model(), new_run()
    new_version(name, run_id)
    client().delete_registered_model(name)
    same(versions(f"name = '{name}'"), [])
    fails("RESOURCE_DOES_NOT_EXIST", client().get_model_version, name, "1")
    client().create_registered_model(name)
    same(str(new_version(name, run_id)), "1")


@case("registry: models are found by name and tag, ordered and paged")
def search_models():
    mark = unique("mark")
    for name, tags in (("Alpha", {"kind": "x"}), ("beta", {"kind": "y"}), ("gamma", {})):
        client().create_registered_model(f"{mark}-{name}", tags={"mark": mark, **tags})
    search = lambda text, **options: [
        it.name.removeprefix(f"{mark}-") for it in client().search_registered_models(text, **options)
    ]
    same(search(f"name = '{mark}-beta'"), ["beta"])
    same(search(f"name LIKE '{mark}-%'"), ["Alpha", "beta", "gamma"])
    same(search(f"name LIKE '{mark}-al%'"), [])
    same(search(f"name ILIKE '{mark}-AL%'"), ["Alpha"])
    same(search(f"tags.mark = '{mark}' AND tags.kind = 'y'"), ["beta"])
    same(search(f"tag.mark = '{mark}' AND name != '{mark}-beta'"), ["Alpha", "gamma"])
    same(search(f"name LIKE '{mark}%'", order_by=["name DESC"]), ["gamma", "beta", "Alpha"])
    client().update_registered_model(f"{mark}-Alpha", description="touched")
    same(search(f"name LIKE '{mark}%'", order_by=["last_updated_timestamp DESC"])[0], "Alpha")
    first = client().search_registered_models(f"name LIKE '{mark}%'", max_results=2)
    rest = client().search_registered_models(f"name LIKE '{mark}%'", max_results=2, page_token=first.token)
    same([it.name for it in first] + [it.name for it in rest], [f"{mark}-{it}" for it in ("Alpha", "beta", "gamma")])
    assert not rest.token
    for text in ("nonsense", "name > 'a'", "version = 1", "name = 'a' OR name = 'b'"):
        fails("INVALID_PARAMETER_VALUE", client().search_registered_models, text)
    fails("INVALID_PARAMETER_VALUE", client().search_registered_models, max_results=1001)
    fails("INVALID_PARAMETER_VALUE", client().search_registered_models, order_by=["flavour"])


@case("registry: versions are found by name, run, source, number and tag, ordered and paged")
def search_versions():
    first, second, run_id, other_run = new_model(), new_model(), new_run(), new_run()
    new_version(first, run_id, tags={"a": "1"}), new_version(first, other_run), new_version(second, run_id)
    same(versions(f"name = '{first}'", order_by=["version_number ASC"]), [(first, "1"), (first, "2")])
    same(sorted(versions(f"run_id = '{run_id}'")), sorted([(first, "1"), (second, "1")]))
    same(len(versions(f"run_id IN ('{run_id}', '{other_run}')")), 3)
    source = client().get_model_version(first, "2").source
    same(versions(f"source_path = '{source}'"), [(first, "2")])
    same(versions(f"source_path LIKE '%{other_run}%'"), [(first, "2")])
    same(versions(f"name = '{first}' AND version_number > 1"), [(first, "2")])
    same(versions(f"name = '{first}' AND tags.a = '1'"), [(first, "1")])
    same(versions(f"name = '{first}' AND tag.`a` != '1'"), [])
    options = {"max_results": 1, "order_by": ["version_number DESC"]}
    page = client().search_model_versions(f"name = '{first}'", **options)
    same(([str(it.version) for it in page], bool(page.token)), (["2"], True))
    rest = client().search_model_versions(f"name = '{first}'", **options, page_token=page.token)
    same(([str(it.version) for it in rest], bool(rest.token)), (["1"], False))
    for text in ("nonsense", "flavour = 'x'", "version_number > 1 OR version_number < 0"):
        fails("INVALID_PARAMETER_VALUE", client().search_model_versions, text)


@case("registry: a copy of a version keeps its source and is loadable elsewhere")
def copy():
    name, target, run_id = new_model(), unique("target"), new_run()
    new_version(name, run_id, tags={"a": "1"})
    copied = client().copy_model_version(f"models:/{name}/1", target)
    same((copied.name, str(copied.version)), (target, "1"))
    same(client().get_model_version_download_uri(target, "1"), client().get_model_version_download_uri(name, "1"))
    again = client().copy_model_version(f"models:/{name}/1", target)
    same(str(again.version), "2")


@case("registry: sources that climb or hide characters are refused")
def bad_sources():
    name = new_model()
    for source in ("mlflow-artifacts:/1/../2", "mlflow-artifacts:/1/%2e%2e/x", "https://host/a/../../b"):
        fails("INVALID_PARAMETER_VALUE", client().create_model_version, name, source)
    same(versions(f"name = '{name}'"), [])


@case("registry: a source in another run's folder is refused", client=3)
def foreign_sources():
    name, mine, theirs = new_model(), new_run(), new_run()
    source = client().get_run(theirs).info.artifact_uri + "/model"
    body = {"name": name, "source": source, "run_id": mine}
    answer = post("/api/2.0/mlflow/model-versions/create", body)
    same((answer.status_code, answer.json()["error_code"]), (400, "INVALID_PARAMETER_VALUE"))


@case("registry: version numbers travel as text")
def wire_types():
    name = new_model()
    new_version(name)
    answer = http("GET", f"/api/2.0/mlflow/model-versions/get?name={name}&version=1").json()["model_version"]
    same((answer["version"], answer["status"]), ("1", "READY"))


@case("registry: register_model reuses an existing name and waits for nothing")
def register_model():
    name, run_id = unique("fluent"), new_run()
    source = folder() / "model"
    source.mkdir()
    (source / "MLmodel").write_text("flavors: {}\nmodel_uuid: 0\n")
    client().log_artifacts(run_id, str(source), "model")
    numbers = [str(mlflow.register_model(f"runs:/{run_id}/model", name, tags={"by": "test"}).version) for _ in range(2)]
    same(numbers, ["1", "2"])
    same(client().get_model_version(name, "2").tags["by"], "test")
    assert IS_STOCK or client().get_model_version(name, "2").run_id == run_id


@case("models: train, log, register, load by version, stage and alias; predictions are equal")
def sklearn_model():
    import numpy
    from sklearn.linear_model import LogisticRegression

    mlflow.set_experiment(unique("sklearn"))
    points = numpy.array([[0.0, 0.1], [1.0, 0.9], [0.2, 0.0], [0.9, 1.0]])
    model = LogisticRegression().fit(points, [0, 1, 0, 1])
    name = unique("classifier")
    with mlflow.start_run() as run:
        where = {"name": "model"} if MLFLOW_3 else {"artifact_path": "model"}
        logged = mlflow.sklearn.log_model(model, **where, input_example=points[:2], registered_model_name=name)
    client().set_registered_model_alias(name, "best", "1")
    registered = [f"models:/{name}{which}" for which in ("/1", "@best", "/latest")]
    for uri in (logged.model_uri, f"runs:/{run.info.run_id}/model", *registered):
        loaded = mlflow.pyfunc.load_model(uri)
        same((uri, list(loaded.predict(points))), (uri, [0, 1, 0, 1]))
    same(type(mlflow.sklearn.load_model(f"models:/{name}/1")).__name__, "LogisticRegression")
    same(client().get_model_version(name, "1").run_id, run.info.run_id)
