"""Runs a command on a terminal and answers its questions, one each time it waits. Prints what is seen."""
import os, pty, sys

answers, command = sys.argv[1].split("|"), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen, asked = bytearray(), 0
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    seen += piece
    # Each question ends in its usual answer in brackets.
    while seen.count(b"] ") > asked and answers:
        asked = seen.count(b"] ")
        os.write(terminal, answers.pop(0).encode() + b"\r")
sys.stdout.write(seen.decode(errors="replace").replace("\r\n", "\n"))
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
