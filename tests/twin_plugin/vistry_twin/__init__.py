"""A network in both backends, small enough to train in a test."""
