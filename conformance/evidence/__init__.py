"""Journal, redaction by salted commitment, Merkle tree, disclosure."""
