"""A photo studio without a network: products, sets and cameras, path-traced on this machine.

`python -m adgen.providers.studio` renders one order in a process of its own; `orders.py` starts
it. Nothing here is a photograph or a model's picture, and whatever comes out is called a mock-up.
"""
