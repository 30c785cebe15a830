"""A picture of the dashboard: its panels' queries, drawn over the samples of a run."""
