"""A store over HTTP: questions, pictures and writing as JSON, and pages for a browser."""
