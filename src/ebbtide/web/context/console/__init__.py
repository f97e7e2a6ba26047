"""What the pages of the platform operator are given, by subject."""
