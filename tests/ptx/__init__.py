"""An interpreter of PTX in NumPy: it runs the code that ships, without a device (see ``machine.py``)."""
