"""Parts that torch models of several families are built from; imported where such a model is built."""
