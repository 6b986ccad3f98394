"""Runs a program in an odd environment: odd_start.py JSON PROGRAM ARGS..."""
import json, os, sys

odd, command = json.loads(sys.argv[1]), sys.argv[2:]
for name in odd.get("unset", []):
    os.environ.pop(name, None)
os.environ.update(odd.get("set", {}))
os.umask(odd.get("umask", 0o022))
for descriptor, path in odd.get("streams", {}).items():
    if path is None:
        os.close(int(descriptor))
    else:
        os.dup2(os.open(path, os.O_RDWR), int(descriptor))
if "folder" in odd:
    os.chdir(odd["folder"])
    if odd.get("deleted"):
        os.rmdir(odd["folder"])
if "user" in odd:
    os.setgroups([])
    os.setgid(odd["user"])
    os.setuid(odd["user"])
os.execv(command[0], command)
