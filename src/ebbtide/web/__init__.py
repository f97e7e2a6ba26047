"""The shell every page stands in: templates, components, static assets."""
