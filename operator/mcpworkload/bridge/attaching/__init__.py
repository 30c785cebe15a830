"""A server in another container of this pod, reached through the API server's attach stream."""
