"""search_runs: the filter grammar, orders, pages, views, and the errors."""

import functools
import math

import mlflow
from harness import case, client, fails, new_experiment, same, unique
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType

# name: metrics, params, tags, status, start time
RUNS = {
    "ant": ({"loss": 0.1, "acc": 0.9}, {"lr": "0.1", "opt": "adam"}, {"team": "red", "a b": "x"}, "FINISHED", 1000),
    "bee": ({"loss": 0.5, "acc": 0.5}, {"lr": "0.01", "opt": "SGD"}, {"team": "Red"}, "FAILED", 2000),
    "cat": ({"loss": math.nan, "val/loss x": 3.0}, {"lr": "0.1"}, {"team": "blue", "lines": "1\n2"}, "RUNNING", 3000),
    "dog": ({"loss": math.inf}, {"opt": "adam_w", "rate": "100%"}, {}, "FINISHED", 4000),
    "eel": ({"acc": -1.0}, {}, {"team": "it's", "mlflow.user": "eve"}, "KILLED", 5000),
}


@functools.cache
def table():
    """The experiment that holds RUNS, made once; `eel` and `dog` use a dataset."""
    experiment_id = new_experiment()
    for name, (metrics, params, tags, status, start) in RUNS.items():
        run_id = client().create_run(experiment_id, start_time=start, run_name=name).info.run_id
        client().log_batch(
            run_id,
            [Metric(key, value, 1, 0) for key, value in metrics.items()],
            [Param(key, value) for key, value in params.items()],
            [RunTag(key, value) for key, value in tags.items()],
        )
        if name in ("dog", "eel"):
            dataset = Dataset(f"data-{name}", "d16e57", "local", "{}")
            context = InputTag("mlflow.data.context", "training" if name == "dog" else "test")
            client().log_inputs(run_id, datasets=[DatasetInput(dataset, [context])])
        if status != "RUNNING":
            client().set_terminated(run_id, status=status, end_time=start + 500)
    return experiment_id


def names(filter_string="", order_by=("start_time ASC",), **options):
    found = client().search_runs([table()], filter_string, order_by=list(order_by), **options)
    return " ".join(run.info.run_name for run in found)


def expect(expected):
    for text, wanted in expected.items():
        same((text, names(text)), (text, wanted))


@case("search: an empty filter finds all")
def everything():
    expect({"": "ant bee cat dog eel"})


@case("search: metrics compare as numbers", server="not stock 2")
def metrics():
    expect(
        {
            "metrics.loss < 0.5": "ant",
            "metrics.loss <= 0.5": "ant bee",
            "metric.loss >= 5e-1": "bee dog",
            "metrics.loss = 0.1": "ant",
            "metrics.loss != 0.1": "bee cat dog",
            "metrics.loss > 1e300": "dog",
            "metrics.acc < 0": "eel",
            "metrics.acc > -2 AND metrics.acc < .6": "bee eel",
            'metrics."val/loss x" = 3': "cat",
            "metrics.`val/loss x` >= 3.0": "cat",
            "metrics.nobody > 0": "",
        }
    )


@case("search: params and tags compare as text, with LIKE case-sensitive and ILIKE not")
def texts():
    expect(
        {
            "params.lr = '0.1'": "ant cat",
            'param.lr != "0.1"': "bee",
            "parameters.opt LIKE 'adam%'": "ant dog",
            "params.opt LIKE 'adam_w'": "dog",
            "params.opt ILIKE 'sgd'": "bee",
            "params.opt LIKE 'sgd'": "",
            "params.`rate` = '100%'": "dog",
            "tags.team = 'red'": "ant",
            "tags.team ILIKE 'RED'": "ant bee",
            "tag.team LIKE '%e%'": "ant bee cat",
            "tags.team != 'red'": "bee cat eel",
            "tags.`a b` = 'x'": "ant",
            'tags."a b" = "x"': "ant",
            "tags.team = \"it's\"": "eel",
            "tags.lines LIKE '1%2'": "cat",
            "tags.`mlflow.user` = 'eve'": "eel",
            "tags.mlflow.user = 'eve'": "eel",
            "params.nobody = 'x'": "",
            "params.nobody != 'x'": "",
        }
    )


@case("search: attributes, with their aliases")
def attributes():
    expect(
        {
            "attributes.status = 'FINISHED'": "ant dog",
            "status != 'FINISHED'": "bee cat eel",
            "attribute.run_name = 'bee'": "bee",
            "run_name LIKE '%a%'": "ant cat",
            "attributes.`run name` = 'cat'": "cat",
            "attributes.\"Run name\" ILIKE 'EEL'": "eel",
            "attributes.start_time >= 4000": "dog eel",
            "start_time < 2000": "ant",
            "attributes.created = 3000": "cat",
            "attributes.end_time > 4000": "dog eel",
            "end_time = 2500": "bee",
            "attributes.artifact_uri LIKE 'mlflow-artifacts:%' and start_time = 1000": "ant",
        }
    )


@case("search: run_id with IN and NOT IN")
def ids():
    found = {run.info.run_name: run.info.run_id for run in client().search_runs([table()])}
    quoted = ", ".join(f"'{found[name]}'" for name in ("ant", "cat"))
    same(names(f"attributes.run_id IN ({quoted})"), "ant cat")
    same(names(f"run_id NOT IN ({quoted})"), "bee dog eel")
    same(names(f"run_id = '{found['dog']}'"), "dog")
    same(names(f"run_id LIKE '{found['dog'][:12]}%'"), "dog")


@case("search: datasets by name, digest and context")
def datasets():
    expect(
        {
            "datasets.name = 'data-dog'": "dog",
            "dataset.name LIKE 'data-%'": "dog eel",
            "datasets.digest = 'd16e57'": "dog eel",
            "datasets.context = 'test'": "eel",
            "datasets.name IN ('data-dog', 'data-cow')": "dog",
        }
    )


@case("search: clauses are joined by AND in any case, over lines", server="not stock 2")
def conjunctions():
    expect(
        {
            "metrics.loss < 1 and params.lr = '0.1'": "ant",
            "metrics.loss < 1\n  AND tags.team = 'Red'\n": "bee",
            "params.lr='0.1' And status='RUNNING'": "cat",
            "metrics.acc > 0.1 AND metrics.acc < 0.8 AND tags.team ILIKE 'red'": "bee",
        }
    )


@case("search: IS NULL and IS NOT NULL on params and tags", client=3)
def nulls():
    expect(
        {
            "params.lr IS NULL": "dog eel",
            "params.lr IS NOT NULL": "ant bee cat",
            "tags.team is null": "dog",
            "tags.team IS NOT NULL AND params.opt IS NULL": "cat eel",
        }
    )


@case("search: orders put missing values last both ways, and NaN before them")
def orders():
    order = lambda *keys: names(order_by=keys)
    same(order("metrics.loss ASC", "start_time ASC"), "ant bee dog cat eel")
    same(order("metrics.loss DESC", "start_time ASC"), "dog bee ant cat eel")
    same(order("params.lr", "start_time DESC"), "bee cat ant eel dog")
    same(order("params.lr DESC", "start_time"), "ant cat bee dog eel")
    same(order("tags.team", "start_time"), "bee cat eel ant dog")
    same(order("attributes.run_name DESC"), "eel dog cat bee ant")
    same(order("status", "attributes.start_time DESC"), "bee dog ant eel cat")
    same(order("metrics.`val/loss x` DESC", "end_time DESC"), "cat eel dog bee ant")


@case("search: newest first by default")
def default_order():
    found = client().search_runs([table()])
    same([run.info.run_name for run in found], ["eel", "dog", "cat", "bee", "ant"])


@case("search: pages of any size concatenate to the whole, and the exact last page has no token", server="not stock 2")
def pages():
    for size in (1, 2, 5):
        found, token, count = [], None, 0
        while True:
            page = client().search_runs([table()], order_by=["metrics.loss DESC"], max_results=size, page_token=token)
            found += [run.info.run_name for run in page]
            token, count = page.token, count + 1
            if not token:
                break
        same((size, found), (size, ["dog", "bee", "ant", "cat", "eel"]))
        same(count, math.ceil(5 / size))


@case("search: several experiments at once, an unknown one adds nothing")
def several_experiments():
    other = new_experiment()
    run_id = client().create_run(other, run_name="fox", start_time=6000).info.run_id
    found = client().search_runs([table(), other, "987654321987"], order_by=["start_time DESC"], max_results=2)
    same([run.info.run_name for run in found], ["fox", "eel"])
    same(found[0].info.run_id, run_id)
    same(list(client().search_runs(["987654321987"])), [])


@case("search: view types show active, deleted and all runs")
def view_types():
    experiment_id = new_experiment()
    kept = client().create_run(experiment_id).info.run_id
    gone = client().create_run(experiment_id).info.run_id
    client().delete_run(gone)
    search = lambda view: {run.info.run_id for run in client().search_runs([experiment_id], run_view_type=view)}
    same(search(ViewType.ACTIVE_ONLY), {kept})
    same(search(ViewType.DELETED_ONLY), {gone})
    same(search(ViewType.ALL), {kept, gone})


@case("search: what was just written is found, changed and lost at once")
def fresh():
    experiment_id = new_experiment()
    search = lambda text: len(client().search_runs([experiment_id], text))
    run_id = client().create_run(experiment_id).info.run_id
    for n in range(10):
        client().log_metric(run_id, "m", n, step=n)
        same((n, search(f"metrics.m = {n}"), search(f"metrics.m < {n}")), (n, 1, 0))
        client().set_tag(run_id, "t", str(n))
        same((n, search(f"tags.t = '{n}'"), search(f"tags.t != '{n}'")), (n, 1, 0))
    client().delete_run(run_id)
    same(search("metrics.m = 9"), 0)


@case("search: the pandas form has a column for each metric, param and tag")
def pandas_form():
    frame = mlflow.search_runs([table()], order_by=["start_time ASC"])
    same(list(frame["tags.mlflow.runName"]), list(RUNS))
    same(list(frame["params.lr"])[:3], ["0.1", "0.01", "0.1"])
    same(frame["metrics.acc"][0], 0.9)
    assert frame["metrics.acc"].isna()[3]
    same(len(mlflow.search_runs(experiment_names=[client().get_experiment(table()).name])), 5)


@case("search: bad filters are INVALID_PARAMETER_VALUE")
def bad_filters():
    bad = [
        "nonsense",
        "metrics.loss",
        "metrics.loss > 'high'",
        "params.lr = 0.1",
        "params.lr > '0.1'",
        "tags.team = red",
        "metrics.loss LIKE '1%'",
        "metrics.loss > 1 OR metrics.loss < 0",
        "(metrics.loss > 1)",
        "attributes.experiment_id = '1'",
        "attributes.lifecycle_stage = 'active'",
        "flavour.x = 'y'",
        "attributes.start_time > 'noon'",
        "status > 'FINISHED'",
        "params.lr == '0.1'",
    ]
    for text in bad:
        try:
            fails("INVALID_PARAMETER_VALUE", client().search_runs, [table()], text)
        except AssertionError as error:
            raise AssertionError(f"{text}: {error}") from None


@case("search: bad orders, page sizes and tokens are INVALID_PARAMETER_VALUE")
def bad_options():
    search = client().search_runs
    for order in ("flavour.x", "metrics.loss SIDEWAYS", "attributes.nobody"):
        fails("INVALID_PARAMETER_VALUE", search, [table()], order_by=[order])
    fails("INVALID_PARAMETER_VALUE", search, [table()], max_results=50_001)
    fails("INVALID_PARAMETER_VALUE", search, [table()], page_token="@@@")


@case("search: 300 runs, found complete over pages, filtered and ordered")
def many():
    experiment_id = new_experiment()
    mark = unique("many")
    for n in range(300):
        run_id = client().create_run(experiment_id, start_time=n).info.run_id
        client().log_batch(run_id, [Metric("m", n % 50, 1, 0)], [Param("p", str(n % 3))], [RunTag("mark", mark)])
    frame = mlflow.search_runs([experiment_id], "metrics.m >= 40 AND params.p = '1'", order_by=["metrics.m DESC"])
    expected = [n for n in range(300) if n % 50 >= 40 and n % 3 == 1]
    same(len(frame), len(expected))
    same(list(frame["metrics.m"]), sorted((float(n % 50) for n in expected), reverse=True))
    found, token = [], None
    while True:
        page = client().search_runs([experiment_id], order_by=["metrics.m ASC"], max_results=77, page_token=token)
        found += [(run.data.metrics["m"], -run.info.start_time) for run in page]
        token = page.token
        if not token:
            break
    same((len(found), found), (300, sorted(found)))
