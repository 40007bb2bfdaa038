"""Artifacts: files and folders up and down, odd names, big files, lists, deletion, and the logging helpers."""

import hashlib
import json
import os
import random
import urllib.parse

import mlflow
from harness import IS_STOCK, MLFLOW_3, case, client, folder, http, new_run, same, unique
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository


def listing(run_id, path=None):
    return sorted((it.path, it.is_dir, it.file_size) for it in client().list_artifacts(run_id, path))


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def read(run_id, path):
    with open(client().download_artifacts(run_id, path, str(folder())), "rb") as file:
        return file.read()


def route(run_id):
    """The artifact route of a run, below the tracking URI."""
    root = client().get_run(run_id).info.artifact_uri.removeprefix("mlflow-artifacts:")
    return f"/api/2.0/mlflow-artifacts/artifacts{root}"


@case("artifacts: a file and a folder go up, are listed with sizes, and come back the same")
def up_and_down():
    run_id, source = new_run(), folder()
    write(source / "a.txt", b"alpha"), write(source / "sub/b.bin", bytes(range(256))), write(source / "sub/deep/c", b"")
    client().log_artifact(run_id, str(source / "a.txt"))
    client().log_artifact(run_id, str(source / "a.txt"), "copies/first")
    client().log_artifacts(run_id, str(source), "tree")
    same(listing(run_id), [("a.txt", False, 5), ("copies", True, None), ("tree", True, None)])
    same(listing(run_id, "tree"), [("tree/a.txt", False, 5), ("tree/sub", True, None)])
    same(listing(run_id, "tree/sub"), [("tree/sub/b.bin", False, 256), ("tree/sub/deep", True, None)])
    same((read(run_id, "tree/sub/b.bin"), read(run_id, "tree/sub/deep/c")), (bytes(range(256)), b""))
    target = client().download_artifacts(run_id, "", str(folder()))
    paths = [os.path.join(at, name) for at, _, names in os.walk(target) for name in names]
    found = sorted(os.path.relpath(path, target) for path in paths)
    same(found, ["a.txt", "copies/first/a.txt", "tree/a.txt", "tree/sub/b.bin", "tree/sub/deep/c"])


@case("artifacts: a list of a file's path or of nothing is empty")
def list_of_a_file():
    run_id, source = new_run(), folder()
    client().log_artifact(run_id, str(write(source / "a.txt", b"x")))
    same((listing(run_id, "a.txt"), listing(run_id, "nobody"), listing(new_run())), ([], [], []))


@case("artifacts: names keep spaces, unicode, percent and plus signs", server="not stock 2")
def odd_names():
    run_id, source = new_run(), folder()
    names = ["with space.txt", "ünï ☃.txt", "100%.txt", "a+b=c&d.txt"]
    names += ["semi;colon'quote.txt", "UPPER.txt", "upper.txt"]
    for name in names:
        client().log_artifact(run_id, str(write(source / name, name.encode())), "odd ☃ dir")
    same([path for path, _, _ in listing(run_id, "odd ☃ dir")], sorted(f"odd ☃ dir/{name}" for name in names))
    for name in names:
        same((name, read(run_id, f"odd ☃ dir/{name}")), (name, name.encode()))


@case("artifacts: whatever name is accepted is listed, and read back by the name that is listed", server="cairn")
def any_name():
    pieces = [" ", *"% %25 %2e %10 %17 %fe %e6%97%a5 %2f %5c %0a %3b ; Z: . - a 4 1 日 ☃".split()]
    run_id, chance = new_run(), random.Random(20)
    repository = get_artifact_repository(client().get_run(run_id).info.artifact_uri)
    for n in range(100):
        name = "".join(chance.choice(pieces) for _ in range(chance.randint(1, 8)))
        put = http("PUT", f"{route(run_id)}/d{n}/{urllib.parse.quote(name)}", data=name.encode())
        if put.status_code == 400:
            same((name, put.json()["error_code"]), (name, "INVALID_PARAMETER_VALUE"))
            continue
        same((name, put.status_code), (name, 200))
        files, found = [f"d{n}"], []
        for folder_path in files:
            entries = repository.list_artifacts(folder_path)
            files += [it.path for it in entries if it.is_dir]
            found += [it.path for it in entries if not it.is_dir]
        same((name, len(found)), (name, 1))
        same((name, read(run_id, found[0])), (name, name.encode()))


@case("artifacts: one file with an odd name does not end the upload of its folder")
def odd_file_in_folder():
    run_id, source = new_run(), folder()
    for name in ["before.txt", "tab\there.txt", "bell\x07.txt", "zlast.txt"] + ([] if IS_STOCK else ["back\\slash.txt"]):
        write(source / name, name.encode())
    client().log_artifacts(run_id, str(source), "odd")
    stored = {"before.txt", "tabhere.txt", "bell%07.txt", "zlast.txt"} | (set() if IS_STOCK else {"back\\slash.txt"})
    same({path for path, _, _ in listing(run_id, "odd")}, {f"odd/{name}" for name in stored})
    target = client().download_artifacts(run_id, "odd", str(folder()))
    same(set(os.listdir(target)), stored)


@case("artifacts: a later file of the same name replaces the first")
def replace():
    run_id, source = new_run(), folder()
    for content in (b"first, longer", b"second"):
        client().log_artifact(run_id, str(write(source / "same.txt", content)))
    same((read(run_id, "same.txt"), listing(run_id)), (b"second", [("same.txt", False, 6)]))


@case("artifacts: a file of 50 MB survives both ways")
def big():
    run_id, source = new_run(), folder()
    block = hashlib.sha256(b"seed").digest() * 32768
    path = write(source / "big.bin", block * 50)
    client().log_artifact(run_id, str(path))
    same(listing(run_id), [("big.bin", False, 50 * len(block))])
    back = client().download_artifacts(run_id, "big.bin", str(folder()))
    with open(back, "rb") as file:
        assert file.read() == block * 50, "changed on the way"


@case("artifacts: 60 files of a folder are all there")
def many():
    run_id, source = new_run(), folder()
    for n in range(60):
        write(source / f"part-{n:03}.txt", str(n).encode())
    client().log_artifacts(run_id, str(source), "parts")
    same([path for path, _, _ in listing(run_id, "parts")], [f"parts/part-{n:03}.txt" for n in range(60)])


@case("artifacts: a missing file is an error that says so")
def missing():
    run_id = new_run()
    answer = http("GET", f"{route(run_id)}/nobody.txt")
    if MLFLOW_3 or not IS_STOCK:  # the 2.x server answers 500
        same((answer.status_code, answer.json()["error_code"]), (404, "RESOURCE_DOES_NOT_EXIST"))
    try:
        client().download_artifacts(run_id, "nobody.txt", str(folder()))
    except (MlflowException, OSError):
        return
    raise AssertionError("downloaded what is not there")


@case("artifacts: what climbs out of the root is refused")
def traversal():
    run_id = new_run()
    backslashes = () if IS_STOCK else ("a%5C..%5Cb", "%2e%2e%5Cx")  # stock refuses them on Windows only
    dots = ("%2e%2e/x", "a/%2e%2e/%2e%2e/x") if IS_STOCK else ()  # Azure resolves them before functions see them, so the local host does
    for path in (*dots, "%252e%252e/x", *backslashes):
        answer = http("PUT", f"{route(run_id)}/{path}", data=b"x")
        same((path, answer.status_code), (path, 400))
        same((path, answer.json()["error_code"]), (path, "INVALID_PARAMETER_VALUE"))
    same(http("GET", "/api/2.0/mlflow-artifacts/artifacts?path=../..").status_code, 400)
    same(listing(run_id), [])


@case("artifacts: a download says its type and name, and is never run by a browser")
def headers():
    run_id, source = new_run(), folder()
    client().log_artifact(run_id, str(write(source / "page.html", b"<p>hi</p>")))
    answer = http("GET", f"{route(run_id)}/page.html")
    same(answer.content, b"<p>hi</p>")
    media_type = "text/html" if IS_STOCK else "text/plain"
    assert answer.headers["Content-Type"].startswith(media_type), answer.headers
    same(answer.headers["X-Content-Type-Options"], "nosniff")
    assert "attachment" in answer.headers["Content-Disposition"], answer.headers
    assert "page.html" in answer.headers["Content-Disposition"], answer.headers


@case("artifacts: a file and a folder are deleted, the rest stays")
def delete():
    run_id, source = new_run(), folder()
    write(source / "keep.txt", b"k"), write(source / "gone.txt", b"g"), write(source / "dir/x.txt", b"x")
    client().log_artifacts(run_id, str(source))
    repository = get_artifact_repository(client().get_run(run_id).info.artifact_uri)
    repository.delete_artifacts("gone.txt")
    repository.delete_artifacts("dir")
    same(listing(run_id), [("keep.txt", False, 1)])
    assert http("GET", f"{route(run_id)}/gone.txt").status_code in ((404, 500) if IS_STOCK else (404,))


@case("artifacts: log_text, log_dict, load_text and load_dict")
def texts():
    mlflow.set_experiment(unique("texts"))
    with mlflow.start_run() as run:
        mlflow.log_text("naïve ☃\n", "notes/read me.txt")
        mlflow.log_dict({"a": [1, {"b": None}]}, "config.json")
        mlflow.log_dict({"a": 1}, "config.yaml")
    root = run.info.artifact_uri
    same(mlflow.artifacts.load_text(f"{root}/notes/read me.txt"), "naïve ☃\n")
    same(mlflow.artifacts.load_dict(f"{root}/config.json"), {"a": [1, {"b": None}]})
    same(mlflow.artifacts.load_text(f"{root}/config.yaml").strip(), "a: 1")


@case("artifacts: log_figure and log_image make images that open again")
def images():
    import matplotlib.pyplot as plt
    import numpy
    from PIL import Image

    mlflow.set_experiment(unique("images"))
    with mlflow.start_run() as run:
        figure, axes = plt.subplots()
        axes.plot([1, 3, 2])
        mlflow.log_figure(figure, "plots/line.png")
        mlflow.log_image(numpy.full((8, 9, 3), 200, dtype=numpy.uint8), "grey.png")
        for step in range(3):
            mlflow.log_image(numpy.zeros((4, 4, 3), dtype=numpy.uint8), key="sample", step=step)
    plt.close(figure)
    opened = mlflow.artifacts.load_image(f"{run.info.artifact_uri}/grey.png")
    same((opened.size, opened.getpixel((0, 0))), ((9, 8), (200, 200, 200)))
    assert Image.open(client().download_artifacts(run.info.run_id, "plots/line.png", str(folder()))).size[0] > 100
    same(len([path for path, _, _ in listing(run.info.run_id, "images") if path.endswith(".png")]), 3)


@case("artifacts: images logged under a key and a step make a folder that is listed and downloaded")
def image_steps():
    import numpy

    mlflow.set_experiment(unique("image steps"))
    with mlflow.start_run() as run:
        for step in (0, 10, 20, 30):
            mlflow.log_image(numpy.zeros((4, 4, 3), dtype=numpy.uint8), key="dog", step=step, synchronous=True)
    run_id = run.info.run_id
    pngs = [path for path, _, _ in listing(run_id, "images") if path.endswith(".png")]
    same(len(pngs), 4)
    target = client().download_artifacts(run_id, "images", str(folder()))
    same(sorted(it for it in os.listdir(target) if it.endswith(".png")), sorted(os.path.basename(it) for it in pngs))


@case("artifacts: log_table appends, and load_table joins runs")
def tables():
    experiment = mlflow.set_experiment(unique("tables"))
    for n in range(2):
        with mlflow.start_run() as run:
            mlflow.log_table({"question": ["a", "b"], "score": [0.5, n]}, "eval.json")
            mlflow.log_table({"question": ["c"], "score": [1.0]}, "eval.json")
    frame = mlflow.load_table("eval.json", run_ids=[run.info.run_id])
    same((list(frame["question"]), list(frame["score"])), (["a", "b", "c"], [0.5, 1, 1.0]))
    with mlflow.start_run(experiment_id=experiment.experiment_id):
        joined = mlflow.load_table("eval.json", extra_columns=["run_id"])
    same((len(joined), joined["run_id"].nunique()), (6, 2))
    tag = json.loads(client().get_run(run.info.run_id).data.tags["mlflow.loggedArtifacts"])
    same(tag, [{"path": "eval.json", "type": "table"}])


@case("artifacts: runs:/ and mlflow-artifacts:/ URIs find the same file")
def uris():
    run_id, source = new_run(), folder()
    client().log_artifact(run_id, str(write(source / "a.txt", b"alpha")), "dir")
    uri = client().get_run(run_id).info.artifact_uri
    for root in (f"runs:/{run_id}", uri):
        path = mlflow.artifacts.download_artifacts(f"{root}/dir/a.txt", dst_path=str(folder()))
        same(open(path, "rb").read(), b"alpha")
        same([it.path for it in mlflow.artifacts.list_artifacts(f"{root}/dir")], ["dir/a.txt"])


@case("artifacts: the run's own list, as the web page asks for it, has paths from the run's root")
def run_list():
    run_id, source = new_run(), folder()
    client().log_artifact(run_id, str(write(source / "a.txt", b"alpha")), "dir")
    answer = http("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run_id}&path=dir").json()
    same(answer["root_uri"], client().get_run(run_id).info.artifact_uri)
    same([(it["path"], it["is_dir"], int(it["file_size"])) for it in answer["files"]], [("dir/a.txt", False, 5)])
