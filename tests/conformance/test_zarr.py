"""zarr's own kinds of arrays, chunks, selections and buffers, with nncomp's codecs."""

from __future__ import annotations

import asyncio
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nncomp

zarr = pytest.importorskip("zarr", minversion="3")
strategies = pytest.importorskip("zarr.testing.strategies", reason="zarr comes without its tests")

LEVEL, MODEL = 1, "none"


def codec(zarr_format: int) -> object:
    if zarr_format == 2:
        return nncomp.integrations.numcodecs.NNComp(LEVEL, MODEL)
    return nncomp.integrations.zarr.NNCompCodec(LEVEL, MODEL)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of types that are not in format 3's specification
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.data())
def test_arrays_are_read_as_they_were_written(data: st.DataObject) -> None:
    zarr_format = data.draw(strategies.zarr_formats)
    array, chunks = data.draw(strategies.np_array_and_chunks())
    shards = None
    if zarr_format == 3 and array.size and data.draw(st.booleans()):
        shards = data.draw(strategies.shard_shapes(shape=array.shape, chunk_shape=chunks))
    store: dict[str, object] = {}
    zarr.create_array(
        store,
        shape=array.shape,
        chunks=chunks,
        shards=shards,
        dtype=array.dtype,
        zarr_format=zarr_format,
        compressors=codec(zarr_format),
    )[...] = array
    again = zarr.open_array(store, mode="r+")
    assert again.compressors == (codec(zarr_format),)
    np.testing.assert_array_equal(again[...], array)
    where = data.draw(strategies.basic_indices(shape=array.shape))
    np.testing.assert_array_equal(again[where], array[where])
    again[where] = array[where]
    np.testing.assert_array_equal(again[...], array)
    if zarr_format == 3:
        copy = pickle.loads(pickle.dumps(again.compressors[0]))
        assert copy == again.compressors[0]


def test_buffers_are_of_the_kind_that_is_asked_for() -> None:
    from zarr.core.buffer import BufferPrototype
    from zarr.testing import buffer

    prototype = BufferPrototype(buffer.TestBuffer, buffer.NDBufferUsingTestNDArrayLike)
    content = np.arange(100, dtype="u2").reshape(10, 10)

    async def there_and_back() -> np.ndarray:
        array = await zarr.api.asynchronous.create_array(
            buffer.StoreExpectingTestBuffer(),
            shape=content.shape,
            chunks=(4, 5),
            dtype=content.dtype,
            compressors=codec(3),
        )
        everything = (slice(None), slice(None))
        await array.setitem(everything, content, prototype=prototype)
        return await array.getitem(everything, prototype=prototype)

    result = asyncio.run(there_and_back())
    assert isinstance(result, buffer.TestNDArrayLike)
    assert np.array_equal(result, content)
