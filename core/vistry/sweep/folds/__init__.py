"""Cross-validation: a training for each fold of the data, and what each image is to a model that never saw it."""
