"""Decodes the bytes of a text file whose encoding is not declared."""

import codecs
import re
from typing import NamedTuple

from shared.errors import InvalidRequestError

# The UTF-16 marks are prefixes of the UTF-32 marks.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_NAMES = {"utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1252": "Windows-1252"}
_VALID_NON_ASCII = re.compile("[^\0-\x7f\ufffd]")


class BinaryFileError(InvalidRequestError):
    """The file is no text, for example an image."""


class DecodedText(NamedTuple):
    """A text, and what its reader should know about the decoding; empty if nothing."""

    text: str
    warning: str = ""


def decode_text(data: bytes) -> DecodedText:
    """Decode UTF-8, UTF-16, UTF-32 with a byte order mark, or else Windows-1252 with a warning.

    Text with more valid than invalid UTF-8 sequences beyond ASCII is UTF-8 with damaged characters,
    which U+FFFD replaces.

    Raises:
        BinaryFileError: the bytes have zeros and are not text in one of these encodings.
        InvalidRequestError: they are not text in one of these encodings.
    """
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            if encoding == "utf-8":
                return _decode_utf8(data[len(mark) :])
            return DecodedText(_decode(data[len(mark) :], encoding))
    # In UTF-16 at least each ASCII character, such as a space, has a zero byte.
    if data.count(0) * 20 > len(data):
        is_little_endian = data[1::2].count(0) > data[::2].count(0)
        try:
            text = _decode(data, "utf-16-le" if is_little_endian else "utf-16-be")
        except InvalidRequestError:
            raise BinaryFileError("not text") from None
        if "\0" in text:
            raise BinaryFileError("not text")
        return DecodedText(text)
    return _decode_utf8(data)


def _decode_utf8(data: bytes) -> DecodedText:
    try:
        return DecodedText(data.decode())
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, error.start)
        where = f"line {line} is not valid UTF-8 at 0x{data[error.start]:02x}"
    text = data.decode(errors="replace")
    if len(_VALID_NON_ASCII.findall(text)) > text.count("\ufffd"):
        return DecodedText(text, f"{where}; damaged characters are replaced by U+FFFD")
    if b"\0" in data:
        raise BinaryFileError("not text")
    return DecodedText(_decode(data, "cp1252"), f"{where}; read as Windows-1252, save it as UTF-8")


def _decode(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        name = _NAMES.get(encoding, encoding.upper())
        raise InvalidRequestError(
            f"not text: neither valid UTF-8 nor {name} at byte {error.start:,}; save it as UTF-8"
        ) from None
