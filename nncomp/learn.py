"""Classification by compression: a text belongs to the class whose predictor codes it in the fewest
bits.

The predictor of a class is the adaptive stage, without a network, after reading a sample of the
class; nothing else is trained. ``CompressionClassifier`` has the interface of scikit-learn's.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nncomp import arguments, engine, levels
from nncomp.mixing import Mixing

__all__ = ["JUDGED", "CompressionClassifier", "Evaluation", "evaluate"]

JUDGED = 1 << 16  # bytes of a text that are coded to judge it
_LEAST_SHARE = 1 << 9  # mean bytes at least that a class's sample has of each text in it


class CompressionClassifier:
    """Classifies texts: ``str``, taken as UTF-8, or bytes. After ``fit``, ``classes_`` holds the
    classes, sorted.

    ``sample``: how many bytes of a class's texts its predictor reads, 1..2^24; more is better and
    slower. ``level`` as in ``compress``: only its profile matters.
    """

    def __init__(self, *, level: int | None = None, sample: int = 1 << 16) -> None:
        self.level = level
        self.sample = sample

    def fit(self, X: Iterable[Any], y: Iterable[Any]) -> CompressionClassifier:
        """Make a predictor for each class in ``y``. Raises ``ValueError`` where there is no text,
        or where ``X`` and ``y`` differ in length."""
        texts, labels = [*map(_content, X)], _labels(y)
        if not texts or len(texts) != len(labels):
            raise ValueError(f"{len(texts)} texts have {len(labels)} classes")
        sample = arguments.sample(self.sample)
        self._mixing = Mixing(levels.get(self.level).profile)
        self._room = 1 << (sample + JUDGED).bit_length()
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        self._known = []
        for number in range(len(self.classes_)):
            own = [text for text, its in zip(texts, numbers, strict=True) if its == number]
            self._known.append(_sampled(own, sample))
        self._read()
        return self

    def _read(self) -> None:
        make = engine.counting().Primed
        self._programs = [make(known, self._room, self._mixing) for known in self._known]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the predictors, which ``__setstate__`` makes again from their samples."""
        return {name: value for name, value in vars(self).items() if name != "_programs"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if hasattr(self, "classes_"):
            self._read()

    def bits(self, X: Iterable[Any]) -> npt.NDArray[np.float64]:
        """How many bits each class's predictor takes for each text: (texts, classes). Only the
        first 2^16 bytes of a text count. Before ``fit``, raises ``ValueError``, or if scikit-learn
        is imported its NotFittedError."""
        if not hasattr(self, "classes_"):
            theirs = sys.modules.get("sklearn.exceptions")
            kind: type[ValueError] = getattr(theirs, "NotFittedError", ValueError)
            raise kind("there are no classes yet: fit comes first")
        rows = [
            [int(program.costs(text).sum(dtype=np.uint64)) for program in self._programs]
            for text in (_content(one)[:JUDGED] for one in X)
        ]
        table = np.array(rows, np.float64).reshape(-1, len(self.classes_))
        found: npt.NDArray[np.float64] = table * engine.COST_UNIT
        return found

    def predict(self, X: Iterable[Any]) -> npt.NDArray[Any]:
        """The class of each text, (texts,); the first of equally good ones."""
        best = self.bits(X).argmin(axis=1)
        found: npt.NDArray[Any] = self.classes_[best]
        return found

    def predict_proba(self, X: Iterable[Any]) -> npt.NDArray[np.float64]:
        """The probability of each class, if all are equally likely beforehand: (texts, classes).
        One bit less makes a class twice as likely, so for long texts they are near 0 and 1."""
        bits = self.bits(X)
        weights = np.exp2(bits.min(axis=1, keepdims=True) - bits)
        found: npt.NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
        return found

    def score(self, X: Iterable[Any], y: Iterable[Any]) -> float:
        """The share of texts whose class is found."""
        return float(np.mean(self.predict(X) == _labels(y)))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments that the classifier was made with."""
        return {"level": self.level, "sample": self.sample}

    def set_params(self, **params: Any) -> CompressionClassifier:
        """Change the arguments of the classifier, which has to be fitted again. Raises
        ``ValueError`` for a name that is none of them."""
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"{name!r} is not a parameter")
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that this is a classifier of texts. Only scikit-learn calls this, so it
        can be imported."""
        utils: Any = importlib.import_module("sklearn.utils")
        return utils.Tags(
            estimator_type="classifier",
            target_tags=utils.TargetTags(required=True),
            classifier_tags=utils.ClassifierTags(multi_class=True),
            input_tags=utils.InputTags(two_d_array=False, string=True),
            no_validation=True,
        )


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How often classes are predicted right."""

    classes: Sequence[Any]
    # texts, (classes, classes): rows by their true class, columns by the predicted one
    confusion: npt.NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """The share of texts whose class is found."""
        return float(self.confusion.trace() / self.confusion.sum())

    @property
    def macro_f1(self) -> float:
        """The mean of the classes' F1: twice the hits, divided by the number of texts of the class
        plus the number of texts predicted as it."""
        said = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        return float(np.mean(2 * self.confusion.diagonal() / np.maximum(said, 1)))


def evaluate(
    classifier: CompressionClassifier,
    texts: Sequence[Any],
    labels: Sequence[Any],
    folds: int,
    seed: int,
) -> Evaluation:
    """Cross-validate: the texts of each class are dealt out at random into ``folds`` ≥ 2 parts, and
    each part is classified after fitting the others. Raises ``ValueError`` for a class of fewer
    than ``folds`` texts."""
    names, numbers = np.unique(np.asarray(labels), return_inverse=True)
    items = [*texts]
    fold_of = np.empty(len(numbers), int)
    generator = np.random.default_rng(seed)
    for number, name in enumerate(names):
        places = np.flatnonzero(numbers == number)
        if len(places) < folds:
            raise ValueError(f"class {name} has {len(places)} texts, and there are {folds} folds")
        fold_of[generator.permutation(places)] = np.arange(len(places)) % folds
    confusion = np.zeros((len(names), len(names)), np.int64)
    for fold in range(folds):
        taught, judged = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        classifier.fit([items[i] for i in taught.tolist()], numbers[taught])
        found = classifier.predict([items[i] for i in judged.tolist()])
        np.add.at(confusion, (numbers[judged], found), 1)
    return Evaluation(names.tolist(), confusion)


def _labels(y: Iterable[Any]) -> npt.NDArray[Any]:
    return np.asarray(y if hasattr(y, "__array__") else [*y])


def _content(text: Any) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(arguments.contiguous(text))


def _sampled(texts: list[bytes], size: int) -> bytes:
    """Join the texts, each with a line end, to at most ``size`` bytes. If they are more, take the
    beginnings of evenly chosen ones."""
    whole = b"\n".join(texts) + b"\n"
    if len(whole) <= size:
        return whole
    count = min(len(texts), max(1, size // _LEAST_SHARE))
    chosen = [texts[i * len(texts) // count] for i in range(count)]
    left = size
    parts: list[tuple[int, bytes]] = []
    for number, text in sorted(enumerate(chosen), key=lambda one: len(one[1])):
        share = left // (count - len(parts))  # longer texts get the room that short ones leave
        part = text[: share - 1] + b"\n"
        parts.append((number, part))
        left -= len(part)
    return b"".join(part for _, part in sorted(parts))[:size]
