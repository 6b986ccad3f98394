"""A hostile local process: swaps a file or folder for a symbolic link and back, without end.

usage: swap.py INSIDE OUTSIDE

It uses RENAME_EXCHANGE (renameat2, Linux): there is always something at the path, either the real
thing or the link, and it changes as fast as the system can.
"""
import ctypes
import os
import sys

inside, outside = sys.argv[1:]
link = inside + ".link"
os.symlink(outside, link)
exchange = ctypes.CDLL(None, use_errno=True).renameat2
a, b = inside.encode(), link.encode()
os.write(1, b"swapping\n")
while exchange(-100, a, -100, b, 2) == 0:
    pass
sys.exit("the swap failed: " + os.strerror(ctypes.get_errno()))
