"""Parts of a training that are no models."""
