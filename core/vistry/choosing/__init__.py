"""What a person who chooses a model wants to know: its facts, how it compares, and what it costs on this machine."""
