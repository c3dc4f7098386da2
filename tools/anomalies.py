"""How many odd lines are found: lines are planted in logs, and those in the first places counted.

    python tools/anomalies.py LOG...

Beside ``nncomp inspect --lines``, whose scores these are: the lines of the rarest template, as a
tree of fixed depth in the manner of drain finds them; zstd with a dictionary trained on the log,
line by line; an isolation forest on tf-idf. For these scikit-learn and zstandard are needed. The
same lines for all; as many places as there are oddities, each kind equally often. Of a burst, which
is one line many times, one line has to be found.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import nncomp
from nncomp.insight.lines import Lines

KINDS = (
    "a new event",
    "a name that never was there",
    "a number out of range",
    "an event out of order",
    "a burst",
)
EACH = 5  # of a kind in a log
BURST = 20  # lines
SEEDS = (11, 12, 13)
EVENTS = (
    "kernel panic: unable to mount root fs on unknown-block({},{})",
    "segfault at {} ip {} sp {} error 4 in libc.so",
    "certificate verify failed for peer {}: expired {} days ago",
    "disk quota exceeded for volume {} ({} bytes over)",
    "watchdog: BUG: soft lockup - CPU#{} stuck for {}s!",
)
NAMES = ("intruder", "xmrig", "guest99", "overflow", "mallory")
# What stands before the event: time, host, number of the process.
HEAD = re.compile(
    r"\[[^\]]*\] |\S+\.log\S* \S+ \S+ \d+ |[A-Z][a-z]{2} +\d+ [\d:]+ \w+ |\d{6} \d{6} \d+ "
    r"|\d{4}-\d\d-\d\d [\d:,.]+ "
)

Score = Callable[[list[str]], Sequence[float]]
Oddity = tuple[str, int]  # kind and number


def head_of(line: str) -> str:
    match = HEAD.match(line)
    return match[0] if match else ""


def masked(line: str) -> str:
    """The event without its numbers."""
    event = line[len(head_of(line)) :]
    return re.sub(r"\d+", "0", re.sub(r"\b[0-9a-f]{8,}\b", "0", event))


def plant(lines: list[str], rng: random.Random) -> tuple[list[str], dict[int, Oddity]]:
    """The lines with others among them, none in the first fifth; which these are, by place."""
    planted = []
    for number in range(EACH):
        for kind in KINDS:
            place = rng.randrange(len(lines) // 5, len(lines))
            planted.append((place, _odd(kind, number, lines, place, rng), (kind, number)))
    out: list[str] = []
    odd: dict[int, Oddity] = {}
    start = 0
    for place, line, oddity in sorted(planted):
        out += lines[start:place]
        for _ in range(BURST if oddity[0] == KINDS[4] else 1):
            odd[len(out)] = oddity
            out.append(line)
        start = place
    return out + lines[start:], odd


def _odd(kind: str, number: int, lines: list[str], place: int, rng: random.Random) -> str:
    line = lines[place]
    head = head_of(line)
    if kind == KINDS[4]:
        return line
    if kind == KINDS[0]:
        event = EVENTS[number % len(EVENTS)]
        return head + event.format(*(rng.randrange(1, 99999) for _ in range(event.count("{}"))))
    if kind == KINDS[3]:  # one that is nowhere near
        near = {masked(other) for other in lines[max(0, place - 50) : place + 50]}
        far = [other for other in lines if masked(other) not in near] or lines
        other = rng.choice(far)
        return head + other[len(head_of(other)) :]
    name = kind == KINDS[1]
    pattern = r"[A-Za-z]{4,}" if name else r"(?<![\w.])\d{1,6}(?![\w.])"
    found = [m for m in re.finditer(pattern, line) if m.start() >= len(head)]
    match = rng.choice(found or [*re.finditer(r"\w+", line)])
    value = rng.choice(NAMES) if name else str(rng.randrange(10**11, 10**12))
    return line[: match.start()] + value + line[match.end() :]


# ---- scores ----


def inspected(lines: list[str]) -> list[float]:
    data = "".join(line + "\n" for line in lines).encode()
    odd = Lines(len(lines))
    odd.add(data, nncomp.costs(data, model="none"))
    scores = [0.0] * len(lines)
    for line in odd.end():
        scores[line.number - 1] = line.score
    return scores


def rarest_template(lines: list[str]) -> list[float]:
    """Drain's: by number of words and the first ones; then to the template most alike."""
    groups: dict[tuple[object, ...], list[list[str]]] = defaultdict(list)
    chosen = []
    count: Counter[int] = Counter()
    for line in lines:
        words = masked(line).split()
        firsts = ["*" if re.search(r"\d", word) else word for word in words[:2]]
        templates = groups[(len(words), *firsts)]
        best, most = None, 0.0
        for template in templates:
            same = sum(a == b for a, b in zip(template, words, strict=True)) / max(1, len(words))
            if same > most:
                best, most = template, same
        if best is None or most < 0.5:
            best = [*words]
            templates.append(best)
        for i, word in enumerate(words):
            if best[i] != word:
                best[i] = "*"
        chosen.append(id(best))
        count[id(best)] += 1
    return [1 / count[one] for one in chosen]


def zstd_size(lines: list[str]) -> list[float]:
    import zstandard

    records = [line.encode() for line in lines]
    dictionary = zstandard.train_dictionary(16 << 10, records)
    packer = zstandard.ZstdCompressor(level=19, dict_data=dictionary)
    return [len(packer.compress(record)) for record in records]


def isolation_forest(lines: list[str]) -> list[float]:
    from sklearn.ensemble import IsolationForest
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(token_pattern=r"[A-Za-z]+|\d+").fit_transform(map(masked, lines))
    forest = IsolationForest(random_state=0).fit(words)
    return [-float(score) for score in forest.score_samples(words)]


SCORES: dict[str, Score] = {
    "`nncomp inspect --lines`": inspected,
    "rarest template": rarest_template,
    "zstd -19 with dictionary, bytes": zstd_size,
    "isolation forest on tf-idf": isolation_forest,
}


def found(scores: Sequence[float], odd: dict[int, Oddity]) -> set[Oddity]:
    """Which have a line in the first places; of equals the first line."""
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return {odd[i] for i in order[: EACH * len(KINDS)] if i in odd}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("logs", nargs="+", type=Path)
    logs = parser.parse_args().logs
    hits: dict[str, Counter[str]] = defaultdict(Counter)
    total = 0
    for path in logs:
        lines = path.read_text("utf-8", "replace").splitlines()
        for seed in SEEDS:
            planted, odd = plant(lines, random.Random(f"{path.name} {seed}"))
            total += EACH * len(KINDS)
            for name, score in SCORES.items():
                hits[name].update(kind for kind, _ in found(score(planted), odd))
    print("| | all | " + " | ".join(KINDS) + " |")
    print("|---|--:" + "|--:" * len(KINDS) + "|")
    for name, counts in hits.items():
        cells = [counts.total() / total, *(counts[kind] * len(KINDS) / total for kind in KINDS)]
        print(f"| {name} | " + " | ".join(f"{100 * cell:.0f} %" for cell in cells) + " |")


if __name__ == "__main__":
    main()
