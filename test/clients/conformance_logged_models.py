"""Logged models, which only the 3.x client has."""

import mlflow
from harness import IS_STOCK, case, client, fails, folder, new_experiment, new_run, same, unique
from mlflow.entities import Dataset, DatasetInput, Metric


def new_model(experiment_id=None, **options):
    return client().create_logged_model(experiment_id or new_experiment(), **{"name": unique("net"), **options})


def names(experiment_ids, **options):
    return [it.name for it in client().search_logged_models(experiment_ids, **options)]


@case("logged models: create, get, finalize", client=3)
def life():
    experiment_id, run_id = new_experiment(), None
    run_id = new_run(experiment_id)
    model = client().create_logged_model(
        experiment_id, name="net", source_run_id=run_id, tags={"t": "1"}, params={"depth": "3"}, model_type="cnn"
    )
    assert model.model_id.startswith("m-"), model.model_id
    same((model.name, model.status.value, model.source_run_id), ("net", "PENDING", run_id))
    root = client().get_experiment(experiment_id).artifact_location
    same(model.artifact_location, f"{root}/models/{model.model_id}/artifacts")
    done = client().finalize_logged_model(model.model_id, "READY")
    same(done.status.value, "READY")
    found = client().get_logged_model(model.model_id)
    same((found.status.value, found.tags["t"], found.params, found.model_type), ("READY", "1", {"depth": "3"}, "cnn"))
    same(found.experiment_id, experiment_id)
    assert 0 < found.creation_timestamp <= found.last_updated_timestamp


@case("logged models: unknown ids and bad names are refused", client=3)
def refused():
    fails("RESOURCE_DOES_NOT_EXIST", client().get_logged_model, "m-" + "0" * 32)
    fails("RESOURCE_DOES_NOT_EXIST", client().delete_logged_model, "m-" + "0" * 32)
    for name in ("a/b", "a:b", "a.b", "a%b", "a'b", 'a"b'):
        fails("INVALID_PARAMETER_VALUE", new_model, name=name)


@case("logged models: tags are set and deleted, params are added", client=3)
def tags_and_params():
    model = new_model(params={"a": "1"})
    odd = "y w" if IS_STOCK else "y/z w"  # the client does not escape the slash, and stock finds no such route
    client().set_logged_model_tags(model.model_id, {"x": "1", odd: "2"})
    client().set_logged_model_tags(model.model_id, {"x": "3"})
    client().delete_logged_model_tag(model.model_id, odd)
    client().log_model_params(model.model_id, {f"p{n}": str(n) for n in range(150)})
    found = client().get_logged_model(model.model_id)
    same((found.tags["x"], odd in found.tags), ("3", False))
    same((len(found.params), found.params["p149"], found.params["a"]), (151, "149", "1"))
    fails("RESOURCE_DOES_NOT_EXIST", client().delete_logged_model_tag, model.model_id, "nobody")


@case("logged models: deleted ones are hidden from get and search", client=3)
def delete():
    experiment_id = new_experiment()
    kept, gone = new_model(experiment_id, name="kept"), new_model(experiment_id, name="gone")
    client().delete_logged_model(gone.model_id)
    fails("RESOURCE_DOES_NOT_EXIST", client().get_logged_model, gone.model_id)
    same(names([experiment_id]), ["kept"])
    same(client().get_logged_model(kept.model_id).name, "kept")


@case("logged models: metrics with a model id show on the model and on the run", client=3)
def metrics():
    experiment_id = new_experiment()
    run_id, model = new_run(experiment_id), new_model(experiment_id)
    client().log_metric(run_id, "acc", 0.7, step=1, model_id=model.model_id)
    client().log_metric(run_id, "acc", 0.9, step=2, model_id=model.model_id, dataset_name="iris", dataset_digest="aa11")
    client().log_batch(run_id, [Metric("loss", 0.1, 5, 0, model_id=model.model_id), Metric("free", 1.0, 5, 0)])
    found = client().get_logged_model(model.model_id).metrics
    same({(it.key, it.value) for it in found if it.step != 1}, {("acc", 0.9), ("loss", 0.1)})
    on_iris = [it for it in found if it.dataset_name == "iris"]
    same([(it.value, it.dataset_digest, it.run_id) for it in on_iris], [(0.9, "aa11", run_id)])
    same(client().get_run(run_id).data.metrics, {"acc": 0.9, "loss": 0.1, "free": 1.0})
    same(len(client().get_metric_history(run_id, "acc")), 2)


@case("logged models: search filters by attribute, metric, param and tag, and orders", client=3)
def search():
    experiment_id = new_experiment()
    run_id = new_run(experiment_id)
    for n, name in enumerate(["ant", "bee", "cat"]):
        model = new_model(experiment_id, name=name, params={"depth": str(n)}, tags={"team": "red" if n else "blue"})
        client().log_metric(run_id, "acc", n / 10, model_id=model.model_id)
        if n < 2:
            client().finalize_logged_model(model.model_id, "READY")
    wanted = {
        "name = 'bee'": ["bee"],
        "name LIKE '%a%'": ["ant", "cat"],
        "attributes.name IN ('ant', 'cow')": ["ant"],
        "metrics.acc > 0.05": ["bee", "cat"],
        "params.depth = '2'": ["cat"],
        "tags.team = 'red' AND metrics.acc < 0.15": ["bee"],
        "creation_timestamp > 0": ["ant", "bee", "cat"],
        f"source_run_id = '{run_id}'": [],
    }
    for text, expected in wanted.items():
        found = names([experiment_id], filter_string=text, order_by=[{"field_name": "name", "ascending": True}])
        same((text, found), (text, expected))
    same(names([experiment_id], order_by=[{"field_name": "metrics.acc", "ascending": False}]), ["cat", "bee", "ant"])
    fails("INVALID_PARAMETER_VALUE", names, [experiment_id], filter_string="nonsense")


@case("logged models: search pages without loss, and refuses the token of another query", client=3)
def pages():
    experiment_id = new_experiment()
    for n in range(5):
        new_model(experiment_id, name=f"model-{n}")
    order = [{"field_name": "name", "ascending": True}]
    first = client().search_logged_models([experiment_id], order_by=order, max_results=3)
    rest = client().search_logged_models([experiment_id], order_by=order, max_results=3, page_token=first.token)
    same([it.name for it in [*first, *rest]], [f"model-{n}" for n in range(5)])
    assert not rest.token
    fails("INVALID_PARAMETER_VALUE", client().search_logged_models, [experiment_id], page_token=first.token)


@case("logged models: metric clauses may be limited to a dataset", client=3)
def search_by_dataset():
    experiment_id = new_experiment()
    run_id, model = new_run(experiment_id), new_model(experiment_id, name="seen")
    new_model(experiment_id, name="unseen")
    dataset = Dataset("iris", "aa11", "local", "{}")
    client().log_inputs(run_id, datasets=[DatasetInput(dataset, [])])
    client().log_metric(run_id, "acc", 0.9, model_id=model.model_id, dataset_name="iris", dataset_digest="aa11")
    filter_of = lambda name: [{"dataset_name": name, "dataset_digest": "aa11"}]
    search = lambda name: names([experiment_id], filter_string="metrics.acc > 0.5", datasets=filter_of(name))
    same((search("iris"), search("wine")), (["seen"], []))


@case("logged models: log_model links run and model, and its files load again", client=3)
def log_model():
    class Doubler(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input: list[int]) -> list[int]:
            return [2 * value for value in model_input]

    mlflow.set_experiment(unique("doubler"))
    with mlflow.start_run() as run:
        logged = mlflow.pyfunc.log_model(name="doubler", python_model=Doubler(), params={"factor": 2})
        mlflow.log_metric("acc", 1.0, model_id=logged.model_id)
    model = mlflow.get_logged_model(logged.model_id)
    same((model.status.value, model.params["factor"], model.source_run_id), ("READY", "2", run.info.run_id))
    same([it.model_id for it in client().get_run(run.info.run_id).outputs.model_outputs], [logged.model_id])
    same(mlflow.pyfunc.load_model(f"models:/{logged.model_id}").predict([1, 2]), [2, 4])
    files = [it.path for it in mlflow.artifacts.list_artifacts(f"models:/{logged.model_id}")]
    assert "MLmodel" in files and "python_model.pkl" in files, files
    path = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/doubler/MLmodel", dst_path=str(folder()))
    assert logged.model_id in open(path).read()


@case("logged models: registering one resolves its source, run and link back", client=3)
def register():
    experiment_id = new_experiment()
    run_id, name = new_run(experiment_id), unique("registered")
    model = new_model(experiment_id, source_run_id=run_id)
    client().finalize_logged_model(model.model_id, "READY")
    version = mlflow.register_model(f"models:/{model.model_id}", name)
    found = client().get_model_version(name, version.version)
    same(found.run_id, run_id)
    same(client().get_model_version_download_uri(name, version.version), model.artifact_location)
    tags = client().get_logged_model(model.model_id).tags
    assert name in tags["mlflow.modelVersions"], tags


@case("logged models: an external model needs no files", client=3)
def external():
    mlflow.set_experiment(unique("external"))
    model = mlflow.create_external_model(name="api", params={"temperature": "0.2"})
    found = mlflow.get_logged_model(model.model_id)
    same((found.status.value, found.params["temperature"]), ("READY", "0.2"))
    same([it.name for it in mlflow.search_logged_models(output_format="list", filter_string="name = 'api'")], ["api"])
