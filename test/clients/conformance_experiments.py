"""Experiments, as a data scientist's client uses them."""

import mlflow
from harness import IS_STOCK, case, client, fails, new_experiment, new_run, post, same, unique
from mlflow.entities import ViewType


def names_of(experiments):
    return [experiment.name for experiment in experiments]


@case("experiments: Default exists under id 0")
def default_exists():
    same(client().get_experiment("0").name, "Default")
    same(client().get_experiment_by_name("Default").experiment_id, "0")


@case("experiments: create answers a digit string, and get shows name, location, tags and times")
def create_and_get():
    name = unique("fraud")
    experiment_id = client().create_experiment(name, tags={"team": "risk", "empty": ""})
    assert experiment_id.isdigit(), experiment_id
    found = client().get_experiment(experiment_id)
    same((found.name, found.lifecycle_stage), (name, "active"))
    same({key: found.tags[key] for key in ("team", "empty")}, {"team": "risk", "empty": ""})
    assert 0 < found.creation_time <= found.last_update_time
    location = f"mlflow-artifacts:/{experiment_id}" if IS_STOCK else f"mlflow-artifacts:/experiments/{experiment_id}"
    same(found.artifact_location, location)


@case("experiments: names may be unicode, spaced and slashed")
def odd_names():
    for name in (unique("Étude ε ☃ 実験"), unique("/Users/someone@example.com/a b"), unique("x" * 400)):
        experiment_id = client().create_experiment(name)
        same(client().get_experiment_by_name(name).experiment_id, experiment_id)


@case("experiments: a name of 501 characters or none is refused")
def bad_names():
    fails("INVALID_PARAMETER_VALUE", client().create_experiment, "x" * 501)
    fails("INVALID_PARAMETER_VALUE", client().create_experiment, "")


@case("experiments: an artifact location is kept; an http one or one with a fragment is refused")
def locations():
    found = client().get_experiment(new_experiment(artifact_location="mlflow-artifacts:/some/where"))
    same(found.artifact_location, "mlflow-artifacts:/some/where")
    fails("INVALID_PARAMETER_VALUE", new_experiment, artifact_location="mlflow-artifacts:/a#b")
    fails("INVALID_PARAMETER_VALUE", new_experiment, artifact_location="runs:/0123/artifacts")


@case("experiments: a taken name is RESOURCE_ALREADY_EXISTS, also when its owner is deleted")
def taken_name():
    name = unique("taken")
    experiment_id = client().create_experiment(name)
    fails("RESOURCE_ALREADY_EXISTS", client().create_experiment, name)
    client().delete_experiment(experiment_id)
    fails("RESOURCE_ALREADY_EXISTS", client().create_experiment, name)


@case("experiments: an unknown id or name is RESOURCE_DOES_NOT_EXIST and None")
def unknown():
    fails("RESOURCE_DOES_NOT_EXIST", client().get_experiment, "987654321987")
    same(client().get_experiment_by_name(unique("nobody")), None)
    fails(("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"), client().get_experiment, "not-a-number")


@case("experiments: rename frees the old name and keeps the id")
def rename():
    old, new = unique("old"), unique("new")
    experiment_id = client().create_experiment(old)
    client().rename_experiment(experiment_id, new)
    same(client().get_experiment(experiment_id).name, new)
    same(client().get_experiment_by_name(old), None)
    assert client().create_experiment(old) != experiment_id


@case("experiments: rename to a taken name is refused")
def rename_taken():
    first, second = unique("first"), unique("second")
    client().create_experiment(first)
    experiment_id = client().create_experiment(second)
    fails(("RESOURCE_ALREADY_EXISTS", "BAD_REQUEST"), client().rename_experiment, experiment_id, first)
    same(client().get_experiment(experiment_id).name, second)


@case("experiments: delete hides, get still shows it, restore brings it back with its runs")
def delete_and_restore():
    name = unique("mortal")
    experiment_id = client().create_experiment(name)
    run_id = new_run(experiment_id)
    client().delete_experiment(experiment_id)
    same(client().get_experiment(experiment_id).lifecycle_stage, "deleted")
    same(client().get_experiment_by_name(name).lifecycle_stage, "deleted")
    same(names_of(client().search_experiments(filter_string=f"name = '{name}'")), [])
    same(client().get_run(run_id).info.lifecycle_stage, "deleted")
    client().restore_experiment(experiment_id)
    same(client().get_experiment(experiment_id).lifecycle_stage, "active")
    same(client().get_run(run_id).info.lifecycle_stage, "active")


@case("experiments: delete twice and restore of an active one are RESOURCE_DOES_NOT_EXIST")
def delete_twice():
    experiment_id = new_experiment()
    fails("RESOURCE_DOES_NOT_EXIST", client().restore_experiment, experiment_id)
    client().delete_experiment(experiment_id)
    fails("RESOURCE_DOES_NOT_EXIST", client().delete_experiment, experiment_id)
    fails("RESOURCE_DOES_NOT_EXIST", client().delete_experiment, "987654321987")


@case("experiments: a deleted one takes no run, no tag and no new name")
def deleted_is_read_only():
    experiment_id = new_experiment()
    client().delete_experiment(experiment_id)
    refused = ("INVALID_PARAMETER_VALUE", "INVALID_STATE", "INTERNAL_ERROR")
    fails(refused, client().create_run, experiment_id)
    fails(refused, client().set_experiment_tag, experiment_id, "a", "b")
    fails(refused, client().rename_experiment, experiment_id, unique("new"))


@case("experiments: set_experiment refuses a deleted name")
def set_deleted():
    name = unique("gone")
    client().delete_experiment(client().create_experiment(name))
    try:
        mlflow.set_experiment(name)
    except mlflow.MlflowException as error:
        assert "deleted" in str(error), error
    else:
        raise AssertionError("accepted")


@case("experiments: set_experiment creates a missing one and reuses it")
def set_experiment():
    name = unique("chosen")
    created = mlflow.set_experiment(name)
    same(mlflow.set_experiment(name).experiment_id, created.experiment_id)
    with mlflow.start_run() as run:
        same(run.info.experiment_id, created.experiment_id)


@case("experiments: tags are set, replaced, and found")
def tags():
    experiment_id = new_experiment(tags={"a": "1"})
    client().set_experiment_tag(experiment_id, "a", "2")
    client().set_experiment_tag(experiment_id, "mlflow.note.content", "# Notes\nüñï")
    found = client().get_experiment(experiment_id).tags
    same((found["a"], found["mlflow.note.content"]), ("2", "# Notes\nüñï"))
    fails("INVALID_PARAMETER_VALUE", client().set_experiment_tag, experiment_id, "k" * 251, "v")


@case("experiments: a tag is deleted; an unknown one is RESOURCE_DOES_NOT_EXIST", client=3)
def delete_tag():
    experiment_id = new_experiment(tags={"a": "1", "b": "2"})
    client().delete_experiment_tag(experiment_id, "a")
    assert "a" not in client().get_experiment(experiment_id).tags
    fails("RESOURCE_DOES_NOT_EXIST", client().delete_experiment_tag, experiment_id, "a")


@case("experiments: search filters by name and tag, with LIKE and ILIKE")
def search_filters():
    mark = unique("mark")
    make = lambda name, tags: client().create_experiment(f"{mark}-{name}", tags={"mark": mark, **tags})
    make("Alpha", {"kind": "x"}), make("beta", {"kind": "y"}), make("gamma", {})
    wanted = {
        f"name = '{mark}-Alpha'": ["Alpha"],
        f"name != '{mark}-Alpha' AND tags.mark = '{mark}'": ["beta", "gamma"],
        f"name LIKE '{mark}-%'": ["Alpha", "beta", "gamma"],
        f"name LIKE '{mark}-al%'": [],
        f"name ILIKE '{mark}-AL%'": ["Alpha"],
        f"attribute.name LIKE '%{mark}-_eta'": ["beta"],
        f"tags.mark = '{mark}' AND tags.kind = 'x'": ["Alpha"],
        f"tag.mark = '{mark}' and tags.kind != 'x'": ["beta"],
        f"tags.`mark` = \"{mark}\"": ["Alpha", "beta", "gamma"],
        f"tags.mark = '{mark}' AND creation_time > 0": ["Alpha", "beta", "gamma"],
        f"tags.mark = '{mark}' AND last_update_time < 5": [],
    }
    for text, expected in wanted.items():
        found = names_of(client().search_experiments(filter_string=text, order_by=["name"]))
        same((text, found), (text, [f"{mark}-{name}" for name in expected]))


@case("experiments: search orders, newest first by default")
def search_order():
    mark = unique("order")
    ids = [client().create_experiment(f"{mark}-{n}", tags={"mark": mark}) for n in "bca"]
    search = lambda **options: [
        it.name[-1] for it in client().search_experiments(filter_string=f"tags.mark = '{mark}'", **options)
    ]
    same(search(order_by=["name"]), ["a", "b", "c"])
    same(search(order_by=["name DESC"]), ["c", "b", "a"])
    client().set_experiment_tag(ids[0], "touch", "1")
    client().rename_experiment(ids[0], f"{mark}-zb")
    same(search(order_by=["last_update_time DESC"])[0], "b")
    same(sorted(search()), ["a", "b", "c"])


@case("experiments: search pages without loss, and the last page has no token")
def search_pages():
    mark = unique("pages")
    expected = [client().create_experiment(f"{mark}-{n:02}", tags={"mark": mark}) for n in range(10)]
    options = {"filter_string": f"tags.mark = '{mark}'", "order_by": ["name ASC"]}
    found, token, sizes = [], None, []
    while True:
        page = client().search_experiments(max_results=5, page_token=token, **options)
        found += [it.experiment_id for it in page]
        sizes.append(len(page))
        token = page.token
        if not token:
            break
    same((found, sizes), (expected, [5, 5]))


@case("experiments: view types show active, deleted and all")
def view_types():
    mark = unique("view")
    client().create_experiment(f"{mark}-kept", tags={"mark": mark})
    client().delete_experiment(client().create_experiment(f"{mark}-gone", tags={"mark": mark}))
    search = lambda view: names_of(
        client().search_experiments(view_type=view, filter_string=f"tags.mark = '{mark}'", order_by=["name"])
    )
    same(search(ViewType.ACTIVE_ONLY), [f"{mark}-kept"])
    same(search(ViewType.DELETED_ONLY), [f"{mark}-gone"])
    same(search(ViewType.ALL), [f"{mark}-gone", f"{mark}-kept"])


@case("experiments: bad filters, orders and page sizes are INVALID_PARAMETER_VALUE")
def bad_searches():
    search = client().search_experiments
    for text in ("nonsense", "name = 5", "metrics.a > 1", "name = 'a' OR name = 'b'", "unknown = 'x'"):
        fails("INVALID_PARAMETER_VALUE", search, filter_string=text)
    fails("INVALID_PARAMETER_VALUE", search, order_by=["flavour"])
    fails("INVALID_PARAMETER_VALUE", search, max_results=0)
    fails("INVALID_PARAMETER_VALUE", search, max_results=50001)


@case("experiments: the same create sent twice makes one experiment")
def blind_retry():
    body = {"name": unique("retry")}
    first, second = post("/api/2.0/mlflow/experiments/create", body), post("/api/2.0/mlflow/experiments/create", body)
    same((first.status_code, second.status_code), (200, 400))
    same(second.json()["error_code"], "RESOURCE_ALREADY_EXISTS")
    same(len(client().search_experiments(filter_string=f"name = '{body['name']}'")), 1)
