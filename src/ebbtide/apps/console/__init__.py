"""The platform operator's pages: organizations, runs, workers, the kill switch."""
