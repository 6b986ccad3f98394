"""Runs a command on a terminal; presses Ctrl-C when a text appears."""
import os, sys
from on_terminal import run

marker, pressed = sys.argv[1].encode(), []


def press(seen, terminal):
    if marker and not pressed and marker in seen:
        os.write(terminal, b"\x03")
        pressed.append(True)


run(sys.argv[2:], press)
