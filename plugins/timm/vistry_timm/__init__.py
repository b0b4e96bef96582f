"""timm's classifiers as a Vistry plugin."""
