"""Proofmark's protocol a second time, from its description and vectors: the standard library and `cryptography`."""
