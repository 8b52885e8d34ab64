#!/usr/bin/env python3
"""Trains the three model versions of `rollcall demo` and writes them beside this script.

The data is the Wisconsin diagnostic breast cancer set (W. Wolberg, O. Mangasarian, W. Street; UCI
Machine Learning Repository, CC BY 4.0) as scikit-learn ships it: 569 cell samples, 30 measurements,
label 1 = benign. Everything is seeded: a second run writes the same bytes.

  python3 -m venv /tmp/train && /tmp/train/bin/pip install -r Sources/rollcall/DemoData/requirements.txt
  /tmp/train/bin/python Sources/rollcall/DemoData/train.py

  screen-v1.json   one stump: what a first attempt looks like
  screen-v2.json   forty trees of depth 3: clearly better on the held-out rows
  screen-v3.json   as good, but trained with two derived measurements that no device computes: it loads,
                   and every prediction on a device's 30 measurements is refused by the library
  held-out.csv     the rows no version was trained on, with labels: what the devices see
"""

import csv
import json
import pathlib

import numpy
import xgboost
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parents[2] / "Tests" / "RollcallTests" / "Fixtures"
SEED = 20261121


def train(features, labels, depth, rounds, rate):
    settings = {
        "objective": "binary:logistic",
        "max_depth": depth,
        "eta": rate,
        "seed": SEED,
        "nthread": 1,
        "tree_method": "exact",
        "base_score": 0.5,
    }
    return xgboost.train(settings, xgboost.DMatrix(features, labels), num_boost_round=rounds)


def with_ratios(features):
    """Two measurements more: area over perimeter, worst radius over mean radius."""
    return numpy.column_stack(
        [features, features[:, 3] / features[:, 2], features[:, 20] / features[:, 0]]
    )


def main():
    data = load_breast_cancer()
    train_x, test_x, train_y, test_y = train_test_split(
        data.data, data.target, test_size=0.3, random_state=SEED, stratify=data.target
    )
    versions = {
        "screen-v1": (train(train_x, train_y, depth=1, rounds=1, rate=0.3), test_x),
        "screen-v2": (train(train_x, train_y, depth=3, rounds=40, rate=0.3), test_x),
        "screen-v3": (train(with_ratios(train_x), train_y, depth=3, rounds=40, rate=0.3), with_ratios(test_x)),
    }
    predictions = {}
    for name, (model, rows) in versions.items():
        predicted = model.predict(xgboost.DMatrix(rows))
        accuracy = float(((predicted > 0.5) == (test_y == 1)).mean())
        predictions[name] = predicted
        model.save_model(HERE / f"{name}.json")
        # One line per artifact, keys in the library's order: a diff shows when a version changed.
        text = json.loads((HERE / f"{name}.json").read_text())
        (HERE / f"{name}.json").write_text(json.dumps(text, separators=(",", ":")) + "\n")
        print(f"{name}: accuracy {accuracy:.4f} on {len(test_y)} held-out rows, {(HERE / f'{name}.json').stat().st_size} bytes")

    names = [name.replace(" ", "_") for name in data.feature_names]
    with open(HERE / "held-out.csv", "w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(names + ["label"])
        for row, label in zip(test_x, test_y):
            writer.writerow([repr(float(value)) for value in row] + [int(label)])

    # What the library itself predicts: the devices' evaluation is tested against it.
    FIXTURES.mkdir(parents=True, exist_ok=True)
    with open(FIXTURES / "predictions.csv", "w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["screen-v1", "screen-v2"])
        for first, second in zip(predictions["screen-v1"], predictions["screen-v2"]):
            writer.writerow([repr(float(first)), repr(float(second))])


if __name__ == "__main__":
    main()
