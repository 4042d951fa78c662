#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""on_terminal.py TYPED PROGRAM ARGUMENT... - runs it on a terminal, types TYPED and Enter whenever a
question is asked without echo, prints what the terminal shows, and ends with its exit code. Fails if
what is typed is not shown any more in the end."""
import os
import select
import subprocess
import sys
import termios

typed = sys.argv[1].encode().decode("unicode_escape").encode()
master, slave = os.openpty()


def echoes():
    return bool(termios.tcgetattr(slave)[3] & termios.ECHO)


program = subprocess.Popen(sys.argv[2:], stdin=slave, stdout=slave, stderr=slave,
                           start_new_session=True)
shown = b""
answered = 0
while True:
    ended = program.poll() is not None
    while select.select([master], [], [], 0 if ended else 0.05)[0]:
        shown += os.read(master, 4096)
    if ended:
        break
    if shown.count(b"Passphrase") > answered and not echoes():
        answered += 1
        os.write(master, typed + b"\n")
sys.stdout.buffer.write(shown)
sys.stdout.flush()
if not echoes():
    sys.exit("the terminal is left without echo")
sys.exit(program.returncode if program.returncode >= 0 else 128 - program.returncode)
