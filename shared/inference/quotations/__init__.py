"""The answerer without a language model: it quotes the notes."""
