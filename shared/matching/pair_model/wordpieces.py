"""Tokenizes text as BERT's uncased models do: normalization, words, then WordPiece.

Source: J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers" (2019), and M.
Schuster and K. Nakajima, "Japanese and Korean voice search" (2012). Special tokens in a text, such
as "[SEP]", have no meaning: they are tokenized as words.
"""

import unicodedata

UNKNOWN, CLS, SEP = 100, 101, 102
_MAX_WORD = 100  # characters; a longer word is unknown
_IDEOGRAPHS = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


class WordPieces:
    """A vocabulary of word pieces. "##" marks a piece that continues a word.

    Args:
        vocabulary: the content of a `vocab.txt` of BERT: one piece a line, in the order of the ids.
    """

    def __init__(self, vocabulary: bytes) -> None:
        pieces = vocabulary.decode().split("\n")
        self._ids = {piece: number for number, piece in enumerate(pieces) if piece}
        self._normalized = _NormalizedCharacters()

    def knows(self, word: str) -> bool:
        """Return whether a word in lower case is one piece."""
        return word in self._ids

    def tokenize(self, text: str) -> list[int]:
        """Return the token ids of a text, without [CLS] and [SEP]."""
        if not text.isascii():
            text = unicodedata.normalize("NFD", text)
        words = text.translate(self._normalized).split(" ")
        return [token for word in words if word for token in self._split(word)]

    def _split(self, word: str) -> list[int]:
        """Take the longest piece of the vocabulary again and again."""
        if whole := self._ids.get(word):
            return [whole]
        if len(word) > _MAX_WORD:
            return [UNKNOWN]
        tokens: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                if token := self._ids.get(prefix + word[start:end]):
                    tokens.append(token)
                    start = end
                    break
            else:
                return [UNKNOWN]
        return tokens


class _NormalizedCharacters(dict[int, str]):
    """What each character becomes, for `str.translate`; filled as characters occur."""

    def __missing__(self, code: int) -> str:
        self[code] = _normalize(chr(code))
        return self[code]


def _normalize(character: str) -> str:
    """Return a decomposed character in lower case, between spaces if it is a word of its own."""
    category = unicodedata.category(character)
    if character in "\t\n\r" or category.startswith("Z"):
        return " "
    if character == "\N{REPLACEMENT CHARACTER}" or category in {"Cc", "Cf", "Co", "Mn"}:
        return ""
    is_symbol = character.isascii() and not character.isalnum()
    is_ideograph = any(low <= ord(character) <= high for low, high in _IDEOGRAPHS)
    if is_symbol or is_ideograph or category.startswith("P"):
        return f" {character} "
    return character.lower()
