"""The Grafana dashboard: what its panels show, and the file that Grafana loads."""
