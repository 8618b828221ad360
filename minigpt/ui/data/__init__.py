"""Data: a text, its tokens, and a tokenizer at work."""
