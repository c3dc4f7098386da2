"""The classifier is one of scikit-learn's, where that is installed: its own checks say so.

They give tables of numbers, which ``OfTables`` takes as texts, row by row.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from nncomp.learn import CompressionClassifier

sklearn = pytest.importorskip("sklearn", minversion="1.6")

# Checks that make no sense of texts, and why.
SKIPPED = {
    "check_estimator_sparse_tag": "a text is no sparse matrix",
    "check_estimator_sparse_array": "a text is no sparse matrix",
    "check_estimator_sparse_matrix": "a text is no sparse matrix",
    "check_array_api_input": "bits are counted by numpy alone",
}
SLOW = {"check_classifiers_train", "check_methods_subset_invariance"}


class OfTables(CompressionClassifier):
    def __init__(self, *, level: int | None = 1, sample: int = 1 << 10) -> None:
        super().__init__(level=level, sample=sample)

    def fit(self, X: Any, y: Any) -> CompressionClassifier:
        return super().fit(as_texts(X), y)

    def bits(self, X: Any) -> Any:
        return super().bits(as_texts(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True  # or there are no checks
        return tags


def as_texts(X: Any) -> list[str]:
    return [" ".join(f"{value:.1f}" for value in row) for row in np.asarray(X, float)]


def checks() -> Iterator[Any]:
    from sklearn.utils.estimator_checks import estimator_checks_generator

    with warnings.catch_warnings():  # it is of its own kind, and inherits nothing
        warnings.simplefilter("ignore", UserWarning)
        for number, (estimator, check) in enumerate(estimator_checks_generator(OfTables())):
            name = check.func.__name__
            marks = [pytest.mark.slow] if name in SLOW else []
            yield pytest.param(estimator, check, id=f"{number}-{name}", marks=marks)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), [*checks()])
def test_checks(estimator: Any, check: Any) -> None:
    if why := SKIPPED.get(check.func.__name__):
        pytest.skip(why)
    check(estimator)


TEXTS = ["red rose and ruby"] * 6 + ["blue sea and sky"] * 6
LABELS = ["red"] * 6 + ["blue"] * 6


def test_it_is_one_of_theirs() -> None:
    from sklearn.base import clone, is_classifier
    from sklearn.exceptions import NotFittedError
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import make_pipeline

    made = CompressionClassifier(level=2, sample=900)
    assert is_classifier(made) and clone(made).get_params() == made.get_params()
    with pytest.raises(NotFittedError):
        made.predict(["text"])
    texts = np.array(TEXTS, object)
    assert cross_val_score(made, texts, LABELS, cv=3).tolist() == [1.0] * 3
    search = GridSearchCV(made, {"sample": [400, 800]}, cv=2).fit(texts, LABELS)
    assert search.predict(["ruby"]).tolist() == ["red"]
    lower: Callable[[Any], Any] = lambda X: [text.lower() for text in X]  # noqa: E731
    from sklearn.preprocessing import FunctionTransformer

    pipeline = make_pipeline(FunctionTransformer(lower), CompressionClassifier(level=1))
    assert pipeline.fit(TEXTS, LABELS).predict(["THE SEA", "A ROSE"]).tolist() == ["blue", "red"]


def test_pickled() -> None:
    fitted = CompressionClassifier(level=1).fit(TEXTS, LABELS)
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.bits(TEXTS), fitted.bits(TEXTS))
    assert pickle.loads(pickle.dumps(CompressionClassifier(level=3))).get_params()["level"] == 3
