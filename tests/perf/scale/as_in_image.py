"""Start the operator as its image does: without the packages that only the development has."""

import runpy
import sys

# kopf imports the official client wherever it can, which costs memory; the image has none.
sys.modules["kubernetes"] = None  # type: ignore[assignment]
sys.argv = ["mcpworkload"]
# What is beside this file is no part of the operator.
sys.path.pop(0)
runpy.run_module("mcpworkload", run_name="__main__", alter_sys=True)
