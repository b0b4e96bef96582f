"""Tables, schemas and values of hyperparameters."""
