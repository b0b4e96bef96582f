"""The vision transformer as a Vistry plugin."""
