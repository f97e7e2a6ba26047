"""Things that hold data, behind the engine's ports."""
