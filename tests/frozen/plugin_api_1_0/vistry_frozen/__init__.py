"""Plugins of API 1.0."""
