"""Attention: where every token looks."""
