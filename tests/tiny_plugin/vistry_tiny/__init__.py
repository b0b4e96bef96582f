"""A network small enough to train in a test."""
