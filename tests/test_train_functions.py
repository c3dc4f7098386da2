"""The pieces of a training step: their gradients, and that they predict from the past only."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor  # noqa: E402

from nncomp.network import Attention, FeedForward, ModelConfig, Table  # noqa: E402
from nncomp.train import compiled, functions, mixture, tables  # noqa: E402
from nncomp.train.arithmetic import Mode  # noqa: E402
from nncomp.train.network import Network  # noqa: E402

SENTENCE = b"The cat sat, the CAT\nslept. Katzen schlafen l\xc3\xa4nger;\na,b\tc\n\xe7\x8c\xab"


def doubles(*shapes: tuple[int, ...]) -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn(*shape, dtype=torch.double, requires_grad=True) for shape in shapes]


def test_gradients() -> None:
    """Against differences, where nothing is rounded."""
    kind = torch.float32  # products are in the type of their factors
    x, up, down = doubles((5, 6), (9, 6), (6, 9))
    assert torch.autograd.gradcheck(
        lambda *a: functions.feed_forward(*a, kind, False), (x, up, down)
    )
    assert torch.autograd.gradcheck(lambda *a: functions.linear(*a, kind), (x, up))
    assert torch.autograd.gradcheck(lambda a: functions.norm(a, 3.0, False), (x,))
    q, k, v, bias = doubles((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5), (3, 4, 6))
    gain = torch.tensor(0.7, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda *a: functions.attend(*a, kind, False), (q, k, v, bias, gain)
    )


@pytest.mark.parametrize("rounded", [False, True])
def test_feed_forward_in_bfloat16(rounded: bool) -> None:
    """Products round to bfloat16; what is between them is that of float32."""
    kind = torch.bfloat16
    x, up, down, g = (t.detach().float() for t in doubles((50, 64), (96, 64), (64, 96), (50, 64)))
    given = [t.requires_grad_() for t in (x, up, down)]
    y = functions.feed_forward(*given, kind, rounded)
    found = torch.autograd.grad(y, given, g)
    with torch.no_grad():
        u = functions.product(x, up.t(), kind).clamp(0, functions.U_ROOF if rounded else math.inf)
        squares = u.square().round() if rounded else u.square()
        expected = functions.product(squares, down.t(), kind)
        gu = functions.product(g, 2 * down, kind) * u
        gu[u >= functions.U_ROOF if rounded else u < 0] = 0
        gradients = (
            functions.product(gu, up, kind),
            functions.product(gu.t(), x, kind),
            functions.product(g.t(), squares, kind),
        )
    assert torch.equal(y, expected.round() if rounded else expected)
    assert all(map(torch.equal, found, gradients))


def test_attention_is_a_softmax_in_octaves() -> None:
    q, k, v, bias = doubles((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 5), (3, 4, 6))
    ours = functions.attend(q, k, v, bias, torch.tensor(2.0), torch.float32, False)
    weights = ((q @ k.transpose(-1, -2) + bias) * math.log(2)).softmax(-1)
    assert torch.allclose(ours, weights @ v * 2)


@pytest.mark.skipif(compiled.library() is None, reason="there is no compiler")
@pytest.mark.parametrize(("T", "width", "window"), [(32, 32, 64), (192, 64, 64), (256, 32, 128)])
def test_compiled_attention(T: int, width: int, window: int) -> None:
    """The last positions, with a bias by distance; its gradients; threads make no difference."""
    q, k, v, bias = doubles((3, T, 2, width), (3, T, width), (3, T, width), (2, window))
    gain = torch.tensor(2.0, dtype=torch.double, requires_grad=True)
    every = (q, k, v, bias, gain)
    q.data *= 0.3
    distance = torch.arange(T)[:, None] - torch.arange(T)
    seen = (distance >= 0) & (distance < window)
    far = bias[:, distance.clamp(0, window - 1)].masked_fill(~seen, -math.inf)
    scores = torch.einsum("bthc,bsc->bhts", q, k) + far
    slow = torch.einsum("bhts,bsc->bthc", (scores * math.log(2)).softmax(-1), v) * gain
    weight = torch.randn_like(slow)
    expected = [slow, *torch.autograd.grad((slow * weight).sum(), every)]
    single = [x.detach().float().requires_grad_() for x in every]
    runs = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        assert compiled.can_attend(single[0])
        fast = compiled.attend(*single, False)
        runs.append([fast, *torch.autograd.grad((fast * weight.float()).sum(), single)])
    torch.set_num_threads(1)
    assert all(map(torch.equal, *(run[:-1] for run in runs)))  # torch sums the gain's in parts
    for theirs, ours in zip(expected, runs[0], strict=True):
        assert torch.allclose(ours.double(), theirs, rtol=1e-3, atol=1e-4)
    rounded, plain = (compiled.attend(*single, kind) for kind in (True, False))
    assert torch.equal(rounded, rounded.round())
    assert (rounded - plain).abs().max() < 0.6


def test_folded_weights_are_rounded_and_learn_as_if_they_were_not() -> None:
    weight, unit = doubles((4, 6), (4, 1))
    scale = weight.detach().abs().amax(1, keepdim=True) / 112
    folded = functions.fold(weight, unit, scale, 16)
    steps = (folded / unit / scale).detach() / 16
    assert torch.allclose(steps, steps.round()) and steps.abs().max().round() == 7
    folded.sum().backward()
    assert torch.allclose(weight.grad, unit.expand(4, 6))
    assert torch.allclose(unit.grad, (steps * 16 * scale).sum(1, keepdim=True))


def bit_logits(logits: Tensor, data: Tensor) -> Tensor:
    """``path_logits``, slowly."""
    found = []
    for bit in range(8):  # from the lowest; its two sides are neighbours
        pairs = logits.unflatten(-1, (-1, 2))
        apart = pairs[..., 1] - pairs[..., 0]
        found.append(apart.gather(-1, (data >> bit + 1)[..., None])[..., 0])
        logits = pairs.logsumexp(-1)
    return torch.stack(found[::-1], -1)


def test_logits_of_the_path() -> None:
    data = torch.arange(256).view(2, 128)
    (ours,) = doubles((2, 128, 256))
    ours.data *= 4
    theirs = ours.detach().clone().requires_grad_()
    mine = functions.path_logits(ours.float(), data)
    slow = bit_logits(theirs, data)
    assert torch.allclose(mine.double(), slow, atol=1e-5)
    weight = torch.randn(2, 128, 8)
    (mine * weight).sum().backward()
    (slow * weight).sum().backward()
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-5)
    ones = mixture.ones_of(data)
    nats = torch.nn.functional.binary_cross_entropy_with_logits(mine, ones, reduction="none")
    expected = torch.nn.functional.cross_entropy(
        ours.float().transpose(1, 2), data, reduction="none"
    )
    assert torch.allclose(nats.sum(-1), expected, atol=1e-4)


@pytest.mark.parametrize("mode", [Mode.FLOAT, Mode.FAKE])
def test_a_prediction_is_of_the_bytes_before(mode: Mode) -> None:
    torch.manual_seed(1)
    shapes = (Table("word", 8, 16, 8 * 2, 0), Table("above", 8, 16, 0, 8))
    network = Network(ModelConfig(1, 64, (FeedForward(64), Attention(2, 32, 64)), shapes))
    for parameter in network.parameters():
        if parameter.dim():
            torch.nn.init.normal_(parameter, std=0.3)
    at = 30
    other = SENTENCE[:at] + bytes([SENTENCE[at] ^ 1]) + b"?" * (len(SENTENCE) - at - 1)
    one, two = (np.frombuffer(text, np.uint8)[None] for text in (SENTENCE, other))
    network.calibrate(one)
    ours, theirs = (network.logits(data, mode)[0] for data in (one, two))
    assert torch.equal(ours[: at + 1], theirs[: at + 1])
    assert not torch.equal(ours[at + 1], theirs[at + 1])


def test_a_step_changes_the_rows_it_used() -> None:
    table = tables.Table(16, 16, 16, 0.1)
    before = table.weight.clone()
    rows, gradient = torch.tensor([3, 3, 5]), torch.zeros(3, 32)
    gradient[:, 16:] = torch.tensor([1.0, 0, 2])[:, None]
    gradient[:, 24:] *= -1
    power = gradient.square().view(3, 2, 16).mean(-1)
    table.update(rows, gradient, power, 10.0, 0.5)
    change = (table.weight - before) / 0.5
    for row, sign in ((3, -1), (5, -1)):
        assert torch.allclose(change[row, :8], torch.full((8,), 1.0 * sign))
        assert torch.allclose(change[row, 8:], torch.full((8,), -1.0 * sign))
    assert not change[[0, 1, 2, 4, *range(6, 16)]].any()
    assert table.moment[[3, 5]].tolist() == [100, 400]


def test_scales_of_tables() -> None:
    """All weights fit into 8 bits; with fewer, a step is 0.4 of what they are in the mean."""
    torch.manual_seed(1)
    table = tables.Table(1000, 16, 0, 1.0)
    every = torch.arange(1000)
    table.fit(every, 8)
    assert table.scale.item() == pytest.approx(table.weight.abs().max().item() / 127)
    for bits, steps in ((4, 7), (5, 15)):
        table.fit(every, bits)
        step = table.scale.item() * (1 << 8 - bits)
        assert step == pytest.approx(0.4, rel=0.02)
        found = table.look_up(every, Mode.FAKE, bits, 2.0**20) / 2.0**20
        assert found.abs().max().item() <= steps * step + 1e-5
        assert (found - table.weight)[table.weight.abs() < 2.8].abs().max() < 0.21
