"""Everything that brings the project to a cluster, and a cluster to the project."""
