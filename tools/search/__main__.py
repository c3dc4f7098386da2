"""Try networks: train candidates on a little text, and say what they are worth after mixing.

    python tools/search NAME… --train SHARD --held-back SHARD --work DIR [--megabytes 4]
    python tools/search MODEL… --held-back SHARD --dev DIR --work DIR

SHARD is an unpacked shard of training text, folders of domains. For each candidate of ``shapes`` a
line of JSON is printed and added to DIR/runs.jsonl: what it costs, how fast it was trained, bits a
byte alone, mixed, and of the stage alone, by kind. A run that was interrupted goes on when it is
started again; one that is done is not repeated. ``--dev DIR`` adds the figures of the files that
results are reported with.

MODEL, a model or master weights, is scored only, plain, rounded, and in the engine's integers.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from score import Score, score
from shapes import SHAPES
from text import Piece, evaluation, held_back, training

from nncomp.train.arithmetic import Mode
from nncomp.train.export import load_network
from nncomp.train.loop import Trainer
from nncomp.train.memory import keep_freed
from nncomp.train.network import Network
from nncomp.train.plan import Plan
from nncomp.train.stage import recording

REPORT_EVERY = 100  # steps


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="+", metavar="NAME|MODEL")
    parser.add_argument("--train", type=Path, metavar="SHARD")
    parser.add_argument("--held-back", type=Path, metavar="SHARD")
    parser.add_argument("--dev", type=Path, metavar="DIR")
    parser.add_argument("--dev-size", type=int, default=1 << 16, metavar="BYTES", help="of a file")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR")
    parser.add_argument("--text", type=int, default=32, metavar="MB", help="of the shard")
    parser.add_argument("--megabytes", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--batch", type=int, default=Plan.batch, help="bytes a step")
    parser.add_argument("--mixed", type=float, default=Plan.mixed)
    parser.add_argument("--quantise-at", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pause", type=Path, metavar="FILE", help="wait while it exists")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed()
    options.work.mkdir(parents=True, exist_ok=True)
    pieces = {}
    if options.held_back:
        pieces["held back"] = held_back(options.held_back, options.work)
    if options.dev:
        pieces["dev"] = evaluation(options.dev, options.work, options.dev_size)
    for name in options.names:
        if name in SHAPES:
            _candidate(name, options, pieces)
        else:
            _model(Path(name), pieces)


def _candidate(name: str, options: argparse.Namespace, pieces: dict[str, list[Piece]]) -> None:
    plan = Plan(
        int(options.megabytes * 1e6), options.batch, seed=options.seed, mixed=options.mixed,
        quantise_at=options.quantise_at,
    )  # fmt: skip
    changed = {
        key: getattr(options, key)
        for key, default in (("seed", Plan.seed), ("batch", Plan.batch), ("mixed", Plan.mixed),
                             ("quantise_at", 1.0), ("text", 32))
        if getattr(options, key) != default
    }  # fmt: skip
    label = "-".join(
        [f"{name}-{options.megabytes:g}MB", *(f"{k}{v:g}" for k, v in changed.items())]
    )
    results, config = options.work / "runs.jsonl", SHAPES[name]
    if results.exists() and f'"{label}"' in results.read_text():
        return
    domains = training(options.train, options.text)
    recorded = recording(domains, options.work / "stage") if plan.mixed else None
    torch.manual_seed(plan.seed)
    trainer = Trainer(Network(config), plan, domains, recording=recorded)
    checkpoint = options.work / f"{label}.ckpt"
    if checkpoint.exists():
        trainer.restore(checkpoint)
    began, first = time.process_time(), trainer.step

    def report(trainer: Trainer) -> None:
        while options.pause and options.pause.exists():
            time.sleep(1)
        if trainer.step % REPORT_EVERY == 0:
            seconds = time.process_time() - began
            speed = (trainer.step - first) * plan.batch / seconds / 1e3
            print(f"{label} {trainer.step}/{plan.steps} {trainer.loss:.4f} {speed:.1f} KB/s",
                  flush=True)  # fmt: skip

    trainer.run(checkpoint, 60.0, report)
    seconds = time.process_time() - began
    mode = Mode.FLOAT if plan.quantise_at == 1 else Mode.FAKE
    line = {
        "run": label,
        "multiply_adds": config.multiply_adds,
        "stored": config.stored_size,
        "train": trainer.loss,
        "kb_per_s": (trainer.step - first) * plan.batch / seconds / 1e3,
        **{kinds: _means(score(trainer.network, some, mode)) for kinds, some in pieces.items()},
    }
    with results.open("a") as file:
        print(json.dumps(line), file=file)
    print(json.dumps(line), flush=True)


def _model(path: Path, pieces: dict[str, list[Piece]]) -> None:
    """A table: of each piece the stage, then alone and mixed in each mode."""
    network = load_network(path)
    modes = list(Mode) if network.calibrated else [Mode.FLOAT]
    for kinds, some in pieces.items():
        found = {}
        for mode in modes:
            exact = copy.deepcopy(network).double() if mode is Mode.EXACT else network
            found[mode] = score(exact, some, mode)
        titles = "".join(f"  {mode.name.lower():>8} mixed" for mode in modes)
        print(f"{path.name}, {kinds:<40} {'stage':>6}{titles}")
        for kind, scores in found[modes[0]].items():
            for name in scores:
                _line(f"{kind} {name}", [found[mode][kind][name] for mode in modes])
            _line(kind, [_mean(found[mode][kind].values()) for mode in modes])
        every = [[s for kind in found[mode].values() for s in kind.values()] for mode in modes]
        _line("all", [_mean(scores) for scores in every])


def _line(title: str, scores: list[Score]) -> None:
    figures = "".join(f"  {s.alone:8.4f} {s.mixed:.4f}" for s in scores)
    print(f"{title:<56} {scores[0].stage:6.4f}{figures}")


def _mean(scores: Iterable[Score]) -> Score:
    return Score(*np.mean([*scores], axis=0).tolist())


def _means(scores: dict[str, dict[str, Score]]) -> dict[str, list[float]]:
    return {k: [round(bits, 4) for bits in _mean(found.values())] for k, found in scores.items()}


if __name__ == "__main__":
    main()
