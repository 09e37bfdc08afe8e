"""Dead letters: records that cannot be read are written, listed, replayed and discarded here."""
