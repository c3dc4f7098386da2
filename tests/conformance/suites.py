"""CPython's suites, and each difference that is meant, with its reason."""

from __future__ import annotations

import lzma
from types import ModuleType

import nncomp
from conformance.upstream import Suite

MIN_BLOCK = 1 << 10  # bytes: so that short data has several blocks


def _packed(data: bytes) -> bytes:
    return nncomp.compress(data, model="none", block_size=MIN_BLOCK)


def _prepare_lzma(tests: ModuleType) -> None:
    for name in [n for n in vars(tests) if n.startswith("COMPRESSED_")]:
        if name != "COMPRESSED_BOGUS":
            setattr(tests, name, _packed(tests.INPUT))
    tests.ISSUE_21872_DAT = _packed(lzma.decompress(tests.ISSUE_21872_DAT))


def _prepare_bz2(tests: ModuleType) -> None:
    tests.has_cmdline_bunzip2 = False  # which could not read it
    base = tests.BaseTest
    base.DATA = _packed(base.TEXT)
    base.EMPTY_DATA = nncomp.compress(b"", 9)
    base.BIG_DATA = _packed(base.BIG_TEXT)


def _nothing_stored(tests: ModuleType) -> None:
    """The tests make what they read."""


JUNK = "bytes behind the last frame are an error: they may be what is left of another one"
SEEK = "a position may be behind the end and not before the beginning, as in plain files"
WHOLE = "a block is decoded as a whole"
CUT = "the one check of a small frame is its last field, so that nothing is read of one cut short"
UNINITIALISED = "an object that was never initialised has no attributes"
MODE = "a mode of the wrong type is a TypeError"
WRITING = "a file that is written cannot seek, as in lzma"
NAME = "a file's name is that of the file beneath it while that is open, as in lzma"

LZMA = Suite(
    "lzma",
    ("test.test_lzma",),
    {"lzma": "conformance.standins.lzma"},
    _prepare_lzma,
    differences={
        JUNK: (
            "CompressDecompressFunctionTestCase.test_decompress_multistream_trailing_junk",
            "CompressDecompressFunctionTestCase.test_decompress_trailing_junk",
            "FileTestCase.test_read_multistream_trailing_junk",
            "FileTestCase.test_read_trailing_junk",
        ),
        SEEK: ("FileTestCase.test_seek_past_end", "FileTestCase.test_seek_past_start"),
        WHOLE: (
            "CompressorDecompressorTestCase.test_decompressor_chunks_maxsize",
            "FileTestCase.test_decompress_limited",
        ),
        "data of one of lzma's formats is no error in another: all are frames": (
            "CompressDecompressFunctionTestCase.test_decompress_bad_input",
            "CompressorDecompressorTestCase.test_decompressor_bad_input",
            "CompressorDecompressorTestCase.test_decompressor_bug_28275",
        ),
        "a level out of range is a ValueError": ("FileTestCase.test_init_bad_preset",),
        MODE: ("FileTestCase.test_init_bad_mode",),
        UNINITIALISED: (
            "CompressorDecompressorTestCase.test_uninitialized_LZMADecompressor_crash",
        ),
    },
    left_out={
        "of filters and checks, which nncomp has not": (
            "CompressorDecompressorTestCase.test_bad_filter_spec",
            "FileTestCase.test_init_bad_check",
            "FileTestCase.test_init_bad_filter_spec",
            "FileTestCase.test_init_with_preset_and_filters",
            "MiscellaneousTestCase.test__decode_filter_properties",
            "MiscellaneousTestCase.test__encode_filter_properties",
            "MiscellaneousTestCase.test_filter_properties_roundtrip",
            "MiscellaneousTestCase.test_is_check_supported",
        ),
    },
    varying=("CompressorDecompressorTestCase.test_uninitialized_LZMADecompressor_crash",),
)

BZ2 = Suite(
    "bz2",
    ("test.test_bz2",),
    {"bz2": "conformance.standins.bz2"},
    _prepare_bz2,
    differences={
        JUNK: (
            "BZ2FileTest.testReadMultiStreamTrailingJunk",
            "BZ2FileTest.testReadTrailingJunk",
            "CompressDecompressTest.testDecompressMultiStreamTrailingJunk",
            "CompressDecompressTest.testDecompressTrailingJunk",
        ),
        SEEK: (
            "BZ2FileTest.testSeekPostEnd",
            "BZ2FileTest.testSeekPostEndMultiStream",
            "BZ2FileTest.testSeekPostEndTwice",
            "BZ2FileTest.testSeekPostEndTwiceMultiStream",
            "BZ2FileTest.testSeekPreStart",
            "BZ2FileTest.testSeekPreStartMultiStream",
        ),
        WHOLE: ("BZ2FileTest.testDecompressLimited",),
        CUT: ("BZ2FileTest.test_read_truncated",),
        "data that is malformed or cut is an error of nncomp's own family, no OSError": (
            "BZ2DecompressorTest.test_decompress_after_data_error",
            "BZ2FileTest.testReadBadFile",
            "CompressDecompressTest.testDecompressBadData",
            "CompressDecompressTest.testDecompressIncomplete",
        ),
        "no data is no frame": ("CompressDecompressTest.testDecompressEmpty",),
        "a size may be None, as in io's classes": (
            "BZ2FileTest.testReadLine",
            "BZ2FileTest.testReadLineMultiStream",
            "BZ2FileTest.testReadLines",
            "BZ2FileTest.testReadLinesMultiStream",
        ),
        "a level is for writing": ("BZ2FileTest.testBadArgs",),
        "bzip2's data stands in the test": ("BZ2FileTest.testReadlinesNoNewline",),
        UNINITIALISED: ("BZ2DecompressorTest.test_uninitialized_BZ2Decompressor_crash",),
    },
    left_out={},
    varying=(
        "BZ2DecompressorTest.test_decompress_after_data_error",
        "BZ2DecompressorTest.test_uninitialized_BZ2Decompressor_crash",
    ),
)

GZIP = Suite(
    "gzip",
    ("test.test_gzip",),
    {"gzip": "conformance.standins.gzip"},
    _nothing_stored,
    differences={
        JUNK: ("TestGzip.test_zero_padded_file",),
        WHOLE: ("TestGzip.test_decompress_limited",),
        CUT: ("TestGzip.test_read_truncated",),
        "malformed data is an error of nncomp's own family, no OSError": (
            "TestGzip.test_gzip_BadGzipFile_exception",
        ),
        "there is no level 0": ("TestGzip.test_compress_correct_level",),
        WRITING: ("TestGzip.test_seek_write", "TestGzip.test_write_seek_write"),
        "a file object is read from unless the mode says otherwise": (
            "TestGzip.test_fileobj_mode",
        ),
        NAME: (
            "TestGzip.test_bytes_filename",
            "TestGzip.test_fileobj_and_filename",
            "TestGzip.test_fileobj_from_fdopen",
            "TestGzip.test_fileobj_with_name",
            "TestGzip.test_fileobj_without_name",
            "TestGzip.test_write_read_with_pathlike_file",
            "TestOpen.test_pathlike_file",
        ),
        "looks into gzip's own reader": ("TestGzip.test_prepend_error",),
    },
    left_out={
        "of gzip's header, its time and its name": (
            "TestGzip.test_compress_mtime",
            "TestGzip.test_compresslevel_metadata",
            "TestGzip.test_issue112346",
            "TestGzip.test_metadata",
            "TestGzip.test_metadata_ascii_name",
            "TestGzip.test_mtime",
            "TestGzip.test_read_with_extra",
        ),
        "of zlib's ways to flush": (
            "TestGzip.test_flush_flushes_compressor",
            "TestGzip.test_flush_modes",
        ),
        "of 'python -m gzip'": ("TestCommandLine",),
    },
    varying=(
        "TestGzip.test_bytes_filename",
        "TestGzip.test_compress_correct_level",
        "TestGzip.test_fileobj_and_filename",
        "TestGzip.test_fileobj_from_fdopen",
        "TestGzip.test_fileobj_with_name",
        "TestGzip.test_fileobj_without_name",
        "TestGzip.test_flush_flushes_compressor",
        "TestGzip.test_flush_modes",
        "TestGzip.test_issue112346",
        "TestGzip.test_write_seek_write",
        "TestOpen.test_pathlike_file",
    ),
)

ZSTD = Suite(
    "zstd",
    ("test.test_zstd.test_core", "test.test_zstd"),
    {"compression.zstd": "conformance.standins.zstd"},
    _nothing_stored,
    differences={
        SEEK: ("FileTestCase.test_seek_past_end", "FileTestCase.test_seek_past_start"),
        WHOLE: ("FileTestCase.test_decompress_limited",),
        "flush does not hasten: a block is compressed as a whole, and the header goes first": (
            "FileTestCase.test_zstdfile_flush",
        ),
        "when all content is handed out, and the frame has not ended, that needs input": (
            "DecompressorFlagsTestCase.test_decompressor_1",
            "DecompressorTestCase.test_decompress_epilogue_flags",
            "DecompressorTestCase.test_decompressor_1",
        ),
        "errors say the same in other words": (
            "CompressorTestCase.test_simple_compress_bad_args",
            "DecompressorFlagsTestCase.test_function_decompress",
        ),
        MODE: ("FileTestCase.test_init_bad_mode",),
    },
    left_out={
        "of dictionaries": (
            "FileTestCase.test_file_dict",
            "FileTestCase.test_file_prefix",
            "FreeThreadingMethodTests.test_compress_shared_dict",
            "FreeThreadingMethodTests.test_decompress_shared_dict",
            "OpenTestCase.test_open_dict",
            "OpenTestCase.test_open_prefix",
            "ZstdDictTestCase",
        ),
        "of zstd's options and levels": (
            "CompressorTestCase.test_compress_parameters",
            "CompressorTestCase.test_set_pledged_input_size",
            "CompressorTestCase.test_set_pledged_input_size_error",
            "CompressorTestCase.test_unknown_compression_parameter",
            "CompressorTestCase.test_zstd_multithread_compress",
            "DecompressorTestCase.test_decompress_parameters",
            "DecompressorTestCase.test_decompressor_arg",
            "DecompressorTestCase.test_unknown_decompression_parameter",
            "FileTestCase.test_init_bad_check",
            "FunctionsTestCase.test_compressionLevel_values",
            "FunctionsTestCase.test_roundtrip_level",
            "FunctionsTestCase.test_version",
            "OpenTestCase.test_option",
        ),
        "of what zstd's frames say about themselves, and of skippable ones": (
            "DecompressorFlagsTestCase.test_decompressor_skippable",
            "DecompressorFlagsTestCase.test_function_skippable",
            "FileTestCase.test_read_multistream",
            "FunctionsTestCase.test_decompress_2x130_1K",
            "FunctionsTestCase.test_get_frame_info",
            "FunctionsTestCase.test_get_frame_size",
        ),
        "of zstd's ways to flush": (
            "CompressorTestCase.test_compress_flushblock",
            "CompressorTestCase.test_compress_flushframe",
            "FileTestCase.test_write_empty_block",
            "FileTestCase.test_write_empty_frame",
            "FileTestCase.test_zstdfile_flush_mode",
        ),
    },
    varying=("CompressorTestCase.test_set_pledged_input_size_error",),
)
