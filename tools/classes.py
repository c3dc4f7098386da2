"""How well classes are told apart: ``nncomp.learn`` beside others, on beginnings of files.

    python tools/classes.py DIRECTORY --names asyncio,email,... --pattern '*.py'

Of each subdirectory, which is a class, the files are dealt out into two halves by turns: one
teaches and the other one is judged, and the other way round. Peers: the nearest of the taught texts
by gzip's normalised compression distance, three of them voting; tf-idf of words and logistic
regression, from scikit-learn.
"""

from __future__ import annotations

import argparse
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from nncomp.learn import CompressionClassifier

Judge = Callable[[list[bytes], list[str], list[bytes]], list[str]]
SKIPPED = 1 << 10  # bytes at the beginning of a file: its licence, what it imports


def by_programs(texts: list[bytes], labels: list[str], judged: list[bytes]) -> list[str]:
    return [str(name) for name in CompressionClassifier().fit(texts, labels).predict(judged)]


def by_gzip(texts: list[bytes], labels: list[str], judged: list[bytes]) -> list[str]:
    def size(data: bytes) -> int:
        return len(zlib.compress(data, 9))

    sizes = [*map(size, texts)]
    found = []
    for text in judged:
        own = size(text)
        distances = sorted(
            ((size(text + b" " + other) - min(own, its)) / max(own, its), label)
            for other, its, label in zip(texts, sizes, labels, strict=True)
        )
        found.append(Counter(label for _, label in distances[:3]).most_common(1)[0][0])
    return found


def by_words(texts: list[bytes], labels: list[str], judged: list[bytes]) -> list[str]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    words = TfidfVectorizer(decode_error="replace", sublinear_tf=True)
    model = LogisticRegression(C=10, max_iter=1000).fit(words.fit_transform(texts), labels)
    return [str(name) for name in model.predict(words.transform(judged))]


JUDGES: dict[str, Judge] = {
    "nncomp.learn": by_programs,
    "gzip distance, three nearest": by_gzip,
    "tf-idf, logistic regression": by_words,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--names", required=True)
    parser.add_argument("--pattern", default="*")
    args = parser.parse_args()
    names = args.names.split(",")
    print("| bytes of a text | texts | " + " | ".join(JUDGES) + " |")
    print("|--:|--:" + "|--:" * len(JUDGES) + "|")
    for size in (200, 1000):
        halves: tuple[list[tuple[bytes, str]], ...] = ([], [])
        for name in names:
            files = sorted(args.directory.joinpath(name).rglob(args.pattern))
            texts = (path.read_bytes()[SKIPPED : SKIPPED + size] for path in files)
            for number, text in enumerate(text for text in texts if len(text) >= size // 2):
                halves[number % 2].append((text, name))
        cells = []
        for judge in JUDGES.values():
            right = 0
            for taught, judged in (halves, halves[::-1]):
                found = judge(
                    [t for t, _ in taught], [n for _, n in taught], [t for t, _ in judged]
                )
                right += sum(said == name for said, (_, name) in zip(found, judged, strict=True))
            cells.append(f"{100 * right / sum(map(len, halves)):.1f} %")
        print(f"| {size} | {sum(map(len, halves))} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
