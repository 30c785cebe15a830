"""
Build the project's container images and load them into the cluster in use.

`__main__` is the entry point: `python3 -m hack.images build|load|name|size|clean [names]`, from the
repository's root. `catalog` lists the images and names their content, `build` builds what is
missing with one of the `engines` (Docker or buildah), `rootfs` composes base images where no
registry has them, `trust` hands this machine's package indexes to a build, `cache` keeps the
archives. `bridge` assembles the interpreter that the bridge's image brings along.

Standard library only: it runs before any virtual environment exists.
"""
