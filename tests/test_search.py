"""The search for a network: contexts, layers and gradients of tools/search."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nncomp.train.data import Domain
from nncomp.train.mixture import bit_logits

SEARCH = Path(__file__).parent.parent / "tools" / "search"
SENTENCE = (
    b"The cat sat, the CAT\nslept. Katzen schlafen l\xc3\xa4nger;\na,b\tc\n\xe7\x8c\xab\xe7\x9c\xa0"
)


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of the tool."""
    monkeypatch.syspath_prepend(str(SEARCH))
    names = [path.stem for path in SEARCH.glob("*.py")]
    yield lambda name: __import__(name)
    for name in names:
        sys.modules.pop(name, None)


def window(text: bytes) -> np.ndarray:
    return np.frombuffer(text, np.uint8)[None]


def test_equal_words_have_equal_keys(search: Any) -> None:
    contexts = search("contexts")
    key = contexts.keys("word", window(SENTENCE))[0]
    at = [i for i in range(len(SENTENCE)) if SENTENCE[:i].lower().endswith(b"cat")]
    assert len(at) == 2 and key[at[0]] == key[at[1]]
    assert key[at[0]] != key[at[0] - 1]
    pair = contexts.keys("words", window(SENTENCE))[0]
    assert pair[at[0]] == pair[at[1]]  # the word before is the same, too


def test_a_key_is_of_the_bytes_before(search: Any) -> None:
    contexts = search("contexts")
    other = SENTENCE[:20] + bytes(b ^ 1 for b in SENTENCE[20:])
    for name in ("1", "3", "8", "word", "words", "above", "field", "skip"):
        ours, theirs = (contexts.keys(name, window(t))[0] for t in (SENTENCE, other))
        assert ours[:21].tolist() == theirs[:21].tolist()
        assert ours[21:].tolist() != theirs[21:].tolist()
    ours, theirs = (contexts.word_starts(window(t))[0] for t in (SENTENCE, other))
    assert ours[:21].tolist() == theirs[:21].tolist()


def test_words_start_behind_spaces_and_characters(search: Any) -> None:
    contexts = search("contexts")
    start = contexts.word_starts(window(b"one two, three" + b"x" * 20 + b" four"))[0]
    assert start.nonzero()[0].tolist() == [0, 4, 8, 20, 32, 35]


def test_gradients(search: Any) -> None:
    network = search("network")
    torch.manual_seed(1)
    x, up, down = (
        torch.randn(*size, dtype=torch.double, requires_grad=True)
        for size in ((5, 6), (9, 6), (6, 9))
    )
    assert torch.autograd.gradcheck(network._FeedForward.apply, (x, up, down))
    assert torch.autograd.gradcheck(network._Norm.apply, (x,))


def test_logits_of_the_path(search: Any) -> None:
    network = search("network")
    torch.manual_seed(1)
    data = np.arange(256, dtype=np.uint8).reshape(2, 128)
    ours = (torch.randn(2, 128, 256) * 4).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    a, b = network.path_logits(ours, data), bit_logits(theirs, torch.from_numpy(data).long())
    assert torch.allclose(a, b, atol=1e-4)
    weight = torch.randn(2, 128, 8)
    (a * weight).sum().backward()
    (b * weight).sum().backward()
    assert ours.grad is not None and theirs.grad is not None
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-4)


@pytest.mark.parametrize("head", ["byte", "bits"])
def test_a_prediction_is_of_the_bytes_before(search: Any, head: str) -> None:
    network, shapes = search("network"), search("shapes")
    torch.manual_seed(1)
    parts = (shapes.FeedForward(32), shapes.Attention(8, 2, 8), shapes.States(8))
    shape = shapes.Shape(32, (shapes.Table("word", 6, 16, 8),), (*parts, shapes.Words(parts)), head)
    tables, net = network.Tables(shape, 0.1), network.Network(shape)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    at = 30
    other = SENTENCE[:at] + bytes([SENTENCE[at] ^ 1]) + b"?" * (len(SENTENCE) - at - 1)
    ours, theirs = (net(tables.sum(tables.rows(d)), d) for d in map(window, (SENTENCE, other)))
    assert torch.equal(ours[0, :at], theirs[0, :at])
    # Those of the bits of the byte before the first that differs, the last one, too: but signs.
    assert torch.equal(ours[0, at, :7], theirs[0, at, :7])
    assert not torch.equal(ours[0, at + 1], theirs[0, at + 1])


def test_known_contexts_have_rows_of_their_own(search: Any) -> None:
    network, shapes = search("network"), search("shapes")
    shape = shapes.Shape(8, (shapes.Table("2", 2, 8, 0, known=True),), ())
    tables = network.Tables(shape, 0.1)
    data = window(b"ababababXYababcdcd")
    tables.learn_known(data)
    row = tables.rows(data)[1][0].tolist()
    assert row[2:8:2] == [row[2]] * 3 and row[3:8:2] == [row[3]] * 3
    assert len({row[2], row[3], 0}) == 3
    assert row[10] == 0  # after XY


def test_a_step_changes_the_rows_it_used(search: Any) -> None:
    network, shapes = search("network"), search("shapes")
    shape = shapes.Shape(8, (shapes.Table("2", 4, 4, 2),), ())
    tables = network.Tables(shape, 0.5)
    before = tables.weights[1].clone()
    rows = [torch.tensor([[0, 1, 0]]), torch.tensor([[3, 3, 5]])]
    gradient = torch.zeros(1, 3, 8)
    gradient[..., 2:6] = torch.tensor([[1.0, -1, 1, -1], [0, 0, 0, 0], [2, 2, -2, -2]])
    tables.update(rows, gradient, 1.0)
    change = (tables.weights[1] - before) / 0.5
    assert change.round(decimals=4)[3].tolist() == [-1, 1, -1, 1]
    assert change.round(decimals=4)[5].tolist() == [-1, -1, 1, 1]
    assert not change[[0, 1, 2, 4, *range(6, 16)]].any()


def test_an_interrupted_run_ends_the_same(search: Any, tmp_path: Path) -> None:
    text, train, shapes = search("text"), search("train"), search("shapes")
    train.PART, train.LENGTHS = 128, ((0.5, 32), (1.0, 64))
    train.SAMPLE = 8, 64
    data = window(SENTENCE * 20)[0]
    zeros = [np.zeros((len(data), 8), np.int8)]
    some = text.Text([Domain("x", data, 1.0)], zeros, zeros)
    tables = (shapes.Table("2", 5, 16, 0), shapes.Table("word", 5, 16, 16, known=True))
    shape = shapes.Shape(32, tables, (shapes.FeedForward(32),))

    def run() -> Any:
        return train.Run(shape, some, train.Plan(8 * 256, batch=256, taught=0.5, mixed=0.5))

    whole, first, second = run(), run(), run()
    whole.train(tmp_path / "whole")
    for _ in range(5):
        first.train_step()
    first.save(tmp_path / "parts")
    second.train(tmp_path / "parts")
    assert second.step == whole.step == 8
    assert torch.equal(whole.network.head, second.network.head)
    assert all(map(torch.equal, whole.tables.weights, second.tables.weights))
    assert whole.bits == second.bits


def test_multiply_adds(search: Any) -> None:
    shapes = search("shapes")
    layers = (shapes.Attention(128), shapes.FeedForward(384))
    layers += (shapes.Attention(256), shapes.FeedForward(384))
    shape = shapes.Shape(192, (), layers)
    assert shapes.multiply_adds(shape) == 466_944 + 2 * 4 * 32 * (128 + 256)  # nano
    assert shapes.stored_bytes(shape) == 466_944 + 4 * (128 + 256) + 256 * 192
