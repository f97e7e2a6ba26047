"""What the product is, in pure Python: read this floor first."""
