"""
Builds the project's container images and loads them into the cluster in use.

`python3 -m hack.images build|load|name|size|clean [names]`, from the repository's root.
Standard library only: it runs before any virtual environment exists.
"""
