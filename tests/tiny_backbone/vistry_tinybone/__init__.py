"""A backbone small enough to train detectors on in a test."""
