"""Runs a command on a terminal and answers its questions, one each time it waits."""
import os, sys
from on_terminal import run

answers, asked = sys.argv[1].split("|"), [0]


def answer(seen, terminal):
    # Each question ends in its usual answer in brackets.
    while seen.count(b"] ") > asked[0] and answers:
        asked[0] = seen.count(b"] ")
        os.write(terminal, answers.pop(0).encode() + b"\r")


run(sys.argv[2:], answer)
