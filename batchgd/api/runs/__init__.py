"""Runs in parts: a folder of parts that survives anything, can be shared, continued and merged.

``run`` checks the arguments of a call and opens the ``folder``, whose manifest has the ``configuration``. The
``collector`` splits the starts (``split``), reads the parts there are (``part``), claims the others (``claims``), has
them computed (``task``), and gathers all of them (``gathered``). ``merge`` gathers the parts of several folders, whose
batch it makes from their manifests (``restore``); ``rows`` reads their rows.
"""
