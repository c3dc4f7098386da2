"""Try a network: train a candidate on a little text, and say what it is worth after mixing.

    python tools/search NAME… --train SHARD --held-back SHARD --work DIR [--megabytes 4]

SHARD is an unpacked shard of training text, folders of domains. For each candidate of ``shapes`` a
line of JSON is printed and added to DIR/runs.jsonl: what it costs, how fast it was trained, bits a
byte alone, mixed, and of the stage alone, by kind. A run that was interrupted goes on when it is
started again; one that is done is not repeated. ``--dev DIR`` adds the figures of the files that
results are reported with.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from score import Score, score
from shapes import SHAPES, multiply_adds, stored_bytes
from text import evaluation, training, validation
from train import Plan, Run

from nncomp.train.memory import keep_freed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="+", choices=SHAPES, metavar="NAME")
    parser.add_argument("--train", type=Path, required=True, metavar="SHARD")
    parser.add_argument("--held-back", type=Path, required=True, metavar="SHARD")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--text", type=int, default=32, metavar="MB", help="of the shard, recorded once"
    )
    parser.add_argument("--megabytes", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--batch", type=int, default=Plan.batch, help="bytes a step")
    parser.add_argument("--rate", type=float, default=Plan.rate, help="of tables")
    parser.add_argument("--teacher", metavar="MODEL", help="a model whose predictions are aimed at")
    parser.add_argument("--taught", type=float, default=Plan.taught, help="share of them")
    parser.add_argument(
        "--mixed", type=float, default=Plan.mixed, help="share of the mixture in the loss, later on"
    )
    parser.add_argument("--dev", type=Path, metavar="DIR")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pause", type=Path, metavar="FILE", help="wait while it exists")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed()
    options.work.mkdir(parents=True, exist_ok=True)
    text = training(options.train, options.work, options.text, options.teacher)
    pieces = {"held back": validation(options.held_back)}
    if options.dev:
        pieces["dev"] = evaluation(options.dev)

    results = options.work / "runs.jsonl"
    total = int(options.megabytes * 1e6)
    plan = Plan(total, options.seed, options.batch, options.rate, options.taught, options.mixed)
    for name in options.names:
        label = f"{name}-{options.megabytes:g}MB{plan.label()}"
        if options.text != parser.get_default("text"):
            label += f"-text{options.text}"
        if results.exists() and f'"{label}"' in results.read_text():
            continue
        run = Run(SHAPES[name], text, plan)
        run.train(options.work / f"{label}.ckpt", options.pause)
        line = {
            "run": label,
            "multiply_adds": round(multiply_adds(SHAPES[name])),
            "stored": stored_bytes(SHAPES[name]),
            "train": run.bits,
            "kb_per_s": run.done / run.seconds / 1e3,
        }
        for kinds, some in pieces.items():
            line[kinds] = summary(score(run.network, run.tables, some))
        line["nonzero"] = run.network.nonzero()
        with results.open("a") as file:
            print(json.dumps(line), file=file)
        print(json.dumps(line), flush=True)


def summary(scores: dict[str, Score]) -> dict[str, list[float]]:
    return {kind: [round(bits, 4) for bits in found] for kind, found in scores.items()}


if __name__ == "__main__":
    main()
