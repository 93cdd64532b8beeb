"""Page compression of kdump-compressed dumps: zlib, LZO, snappy, zstd (makedumpfile's `diskdump_mod.h`).

What a page unpacks to is bounded before it is unpacked: the sizes in a damaged or hostile file are not to be believed.
"""

import zlib
from collections.abc import Callable

import zstandard

ZLIB, LZO, SNAPPY, INCOMPLETE, EXCLUDED_VMEMMAP, ZSTD = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20
"""DUMP_DH_COMPRESSED_*: flags of a page, and of the whole dump in its header's `status`."""

METHODS = {ZLIB: "zlib", LZO: "lzo", SNAPPY: "snappy", ZSTD: "zstd"}
ANY_METHOD = ZLIB | LZO | SNAPPY | ZSTD

Decoder = Callable[[bytes, int], bytes]
"""Takes the packed page and the page size; gives the page, or raises `BadPage`."""


class BadPage(Exception):
    """A page that does not unpack."""


class NoCodec(BadPage):
    """A page whose method needs a library that is not installed."""


def _zlib(packed: bytes, size: int) -> bytes:
    decoder = zlib.decompressobj()
    try:
        page = decoder.decompress(packed, size + 1)
    except zlib.error as error:
        raise BadPage("zlib: " + str(error)) from None
    if not decoder.eof:  # and so its checksum was never looked at
        raise BadPage("zlib: more than a page, or cut off")
    return page


def _lzo_decoder() -> Decoder:
    try:
        import lzallright
    except ImportError:
        raise NoCodec("LZO pages need the Python package lzallright: pip install lzallright") from None
    unpack = lzallright.LZOCompressor().decompress

    def decode(packed: bytes, size: int) -> bytes:
        try:
            return bytes(unpack(packed, size))
        except Exception as error:  # its error classes differ between versions
            raise BadPage(f"LZO: {error}") from None

    return decode


def _snappy_decoder() -> Decoder:
    try:
        from cramjam import snappy
    except ImportError:
        raise NoCodec("snappy pages need the Python package cramjam: pip install cramjam") from None

    def decode(packed: bytes, size: int) -> bytes:
        try:
            if snappy.decompress_raw_len(packed) != size:
                raise BadPage("snappy: unpacks to another size than a page")
            return bytes(snappy.decompress_raw(packed))
        except BadPage:
            raise
        except Exception as error:
            raise BadPage(f"snappy: {error}") from None

    return decode


def _zstd_decoder() -> Decoder:
    decoder = zstandard.ZstdDecompressor(max_window_size=1 << 23)

    def decode(packed: bytes, size: int) -> bytes:
        try:
            promised = zstandard.frame_content_size(packed)
            if promised not in (-1, size):
                raise BadPage("zstd: unpacks to another size than a page")
            return decoder.decompress(packed, max_output_size=size)
        except zstandard.ZstdError as error:
            raise BadPage(f"zstd: {error}") from None

    return decode


_MAKERS: dict[int, Callable[[], Decoder]] = {
    ZLIB: lambda: _zlib,
    LZO: _lzo_decoder,
    SNAPPY: _snappy_decoder,
    ZSTD: _zstd_decoder,
}


class Codecs:
    """The decoders, each made when the first page needs it."""

    def __init__(self) -> None:
        self._decoders: dict[int, Decoder] = {}

    def page(self, packed: bytes, flags: int, size: int) -> bytes:
        """One page.

        Args:
            packed: as it stands in the file.
            flags: of its descriptor.
            size: of a page, in bytes.

        Raises:
            BadPage: it does not unpack to exactly one page.
            NoCodec: a library is not installed.
        """
        method = flags & ANY_METHOD
        if not method:
            page = packed
        else:
            decoder = self._decoders.get(method)
            if decoder is None:
                maker = _MAKERS.get(method)
                if maker is None:
                    raise BadPage(f"unknown compression, flags {flags:#x}")
                decoder = self._decoders[method] = maker()
            page = decoder(packed, size)
        if len(page) != size:
            raise BadPage(f"unpacks to {len(page)} bytes, not {size}")
        return page
