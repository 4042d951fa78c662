#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""framing_test.py CASE ECHO-PEER PROGRAM... - a kernel on Windows talks to a program of Linux's over a
stream of frames, and what it has captured is read by Wireshark's reader. In the case "comes" the program
connects, in the case "is_asked" it is connected to.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

OWN, THEIRS = "10.0.0.1", "10.0.0.2"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def look_at(capture):
    tshark = shutil.which("tshark")
    if not tshark:
        return print("no tshark: what is captured is not looked at")
    fields = subprocess.run([tshark, "-r", capture, "-T", "fields", "-e", "ip.src", "-e", "udp.length", "udp"],
                            stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")
    # 8 bytes of it are UDP's own
    seen = {tuple(line.split("\t")) for line in fields if line}
    wanted = {(who, str(8 + size)) for who in (OWN, THEIRS) for size in (1, 17, 500, 1471, 1472)}
    if not wanted <= seen:
        sys.exit(f"not captured: {wanted - seen}")


def main():
    case, echo_peer, program = sys.argv[1], sys.argv[2], sys.argv[3:]
    port = free_port()
    uri = f"tcp:127.0.0.1:{port}," + ("server" if case == "comes" else "reconnect-ms=20")
    with tempfile.TemporaryDirectory() as folder:
        capture = os.path.join(folder, "wire.pcapng")
        peer = subprocess.Popen([sys.executable, echo_peer, THEIRS, "4", "tcp" if case == "comes" else "listen-tcp",
                                 str(port)])
        try:
            result = subprocess.run(program + ["ask", f"{uri},pcap=Z:{capture}", OWN, THEIRS], timeout=100)
        finally:
            peer.kill()
            peer.wait()
        if result.returncode:
            sys.exit(f"{' '.join(program)}: {result.returncode}")
        look_at(capture)


if __name__ == "__main__":
    main()
