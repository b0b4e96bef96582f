"""mynet has no hooks: its manifest lists its kernel."""
