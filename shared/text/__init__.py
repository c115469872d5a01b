"""Text processing: sentences, numerals, stemming, Bible references."""
