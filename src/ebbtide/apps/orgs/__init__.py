"""Organizations and the people of them; who may see what."""
