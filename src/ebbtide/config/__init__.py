"""Settings, urls and wsgi; the only room that reads the environment."""
