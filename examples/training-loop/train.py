"""Trains a classifier epoch by epoch, is interrupted once, resumes, and checks that everything was kept."""

import os
import tempfile

os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # a line for each run, otherwise

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mlflow
import numpy as np
from mlflow import MlflowClient
from sklearn.datasets import load_digits

EPOCHS = 40
INTERRUPTED_AFTER = 19
RATES = (0.01, 0.1, 0.5)


def main():
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        raise SystemExit("Please set MLFLOW_TRACKING_URI, for instance to http://127.0.0.1:7071")
    print(f"Tracking at {mlflow.get_tracking_uri()} with MLflow {mlflow.__version__}")
    mlflow.set_experiment("digits")
    data = Digits()
    with mlflow.start_run(run_name="learning rates") as parent:
        mlflow.log_params({"epochs": EPOCHS, "rates": RATES})
        mlflow.log_input(data.as_mlflow(), context="training")
        children = {rate: train_with_interruption(data, rate) for rate in RATES}
        best = max(children, key=lambda rate: last(children[rate], "accuracy"))
        mlflow.set_tag("best_rate", best)
    print(f"Best learning rate: {best}")
    check(parent.info.run_id, children)


class Digits:
    """1,797 pictures of 8 x 8 pixels; every fifth is kept for testing."""

    def __init__(self):
        digits = load_digits()
        test = np.arange(len(digits.target)) % 5 == 0
        pixels = digits.data / 16
        self.train_x, self.train_y = pixels[~test], digits.target[~test]
        self.test_x, self.test_y = pixels[test], digits.target[test]

    def as_mlflow(self):
        return mlflow.data.from_numpy(self.train_x, targets=self.train_y, name="digits")


class SoftmaxRegression:
    def __init__(self, features, classes):
        self.weights = np.zeros((features, classes))

    def probabilities(self, x):
        scores = np.exp(x @ self.weights - (x @ self.weights).max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)

    def step(self, x, y, rate):
        """One epoch of gradient descent in batches of 100; returns the loss before it."""
        loss = -np.log(self.probabilities(x)[np.arange(len(y)), y]).mean()
        for start in range(0, len(y), 100):
            some_x, some_y = x[start : start + 100], y[start : start + 100]
            error = self.probabilities(some_x)
            error[np.arange(len(some_y)), some_y] -= 1
            self.weights -= rate * some_x.T @ error / len(some_y)
        return loss

    def accuracy(self, x, y):
        return (self.probabilities(x).argmax(axis=1) == y).mean()


class Interrupted(Exception):
    pass


def train_with_interruption(data, rate):
    """Trains in a child run. The middle rate is interrupted once, and its run resumed. Returns the run's id."""
    try:
        with mlflow.start_run(run_name=f"rate {rate}", nested=True) as run:
            mlflow.log_params({"rate": rate, "batch": 100})
            train(data, rate, first_epoch=0, interrupt=rate == RATES[1])
    except Interrupted:
        run_id = run.info.run_id
        assert MlflowClient().get_run(run_id).info.status == "FAILED"
        print(f"learning rate {rate:<7} interrupted after epoch {INTERRUPTED_AFTER}, resumed")
        with mlflow.start_run(run_id=run_id, nested=True):
            train(data, rate, first_epoch=int(last(run_id, "epoch")) + 1)
    return run.info.run_id


def train(data, rate, first_epoch, interrupt=False):
    model = SoftmaxRegression(data.train_x.shape[1], 10)
    if first_epoch:
        model.weights = load_weights()
    for epoch in range(first_epoch, EPOCHS):
        loss = model.step(data.train_x, data.train_y, rate)
        mlflow.log_metrics({"loss": loss, "epoch": epoch}, step=epoch, synchronous=False)
        mlflow.log_metric("accuracy", model.accuracy(data.test_x, data.test_y), step=epoch, synchronous=False)
        if interrupt and epoch == INTERRUPTED_AFTER:
            mlflow.flush_async_logging()
            save_weights(model.weights)
            raise Interrupted
    mlflow.flush_async_logging()
    log_results(data, model)
    run_id = mlflow.active_run().info.run_id
    losses = [point.value for point in MlflowClient().get_metric_history(run_id, "loss")]
    accuracy = last(run_id, "accuracy")
    print(f"learning rate {rate:<7} loss {losses[0]:.2f} -> {losses[-1]:.2f}   accuracy {accuracy:.1%}")


def save_weights(weights):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "weights.npy")
        np.save(path, weights)
        mlflow.log_artifact(path, "checkpoint")


def load_weights():
    run_id = mlflow.active_run().info.run_id
    with tempfile.TemporaryDirectory() as folder:
        path = mlflow.artifacts.download_artifacts(f"runs:/{run_id}/checkpoint/weights.npy", dst_path=folder)
        return np.load(path)


def log_results(data, model):
    """Pictures, a table of predictions, settings, and notes."""
    save_weights(model.weights)
    figure, axes = plt.subplots()
    axes.imshow(model.weights[:, 3].reshape(8, 8))
    mlflow.log_figure(figure, "plots/weights of 3.png")
    plt.close(figure)
    mlflow.log_image((data.test_x[0].reshape(8, 8) * 255).astype(np.uint8), "samples/first.png")
    guesses = model.probabilities(data.test_x[:20]).argmax(axis=1)
    table = {"digit": data.test_y[:20].tolist(), "guess": guesses.tolist()}
    mlflow.log_table(table, "predictions.json")
    mlflow.log_dict({"classes": 10, "epochs": EPOCHS}, "settings.json")
    mlflow.log_text("Softmax regression, plain gradient descent.\n", "notes.txt")
    mlflow.set_tags({"kind": "softmax", "finished": "yes"})


def last(run_id, metric):
    return MlflowClient().get_run(run_id).data.metrics[metric]


def check(parent_id, children):
    """Reads everything back: complete, in order, nothing doubled."""
    client = MlflowClient()
    parent = client.get_run(parent_id)
    assert [it.dataset.name for it in parent.inputs.dataset_inputs] == ["digits"]
    found = client.search_runs([parent.info.experiment_id], f"tags.mlflow.parentRunId = '{parent_id}'")
    assert {run.info.run_id for run in found} == set(children.values())
    assert all(run.info.status == "FINISHED" and run.data.tags["finished"] == "yes" for run in found)
    points = 0
    for rate, run_id in children.items():
        histories = {key: client.get_metric_history(run_id, key) for key in ("loss", "epoch", "accuracy")}
        for history in histories.values():
            assert sorted(point.step for point in history) == list(range(EPOCHS)), "a step is missing or doubled"
            points += len(history)
        assert all(point.value == point.step for point in histories["epoch"])
        in_order = [point.value for point in sorted(histories["loss"], key=lambda point: point.step)]
        assert in_order == sorted(in_order, reverse=True), "the loss should fall"
        assert client.get_run(run_id).data.params["rate"] == str(rate)
        check_artifacts(run_id)
    print(f"Read back: {len(children)} runs of {EPOCHS} epochs, {points} points, each exactly once and in order")


def check_artifacts(run_id):
    root = MlflowClient().get_run(run_id).info.artifact_uri
    names = {file.path for file in MlflowClient().list_artifacts(run_id)}
    assert {"plots", "samples", "checkpoint", "predictions.json", "settings.json", "notes.txt"} <= names, names
    assert mlflow.artifacts.load_dict(f"{root}/settings.json") == {"classes": 10, "epochs": EPOCHS}
    assert mlflow.artifacts.load_text(f"{root}/notes.txt").startswith("Softmax")
    assert mlflow.artifacts.load_image(f"{root}/samples/first.png").size == (8, 8)
    assert len(mlflow.load_table("predictions.json", run_ids=[run_id])) == 20


if __name__ == "__main__":
    main()
