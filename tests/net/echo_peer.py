#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Who is at the other end of a stream of frames, and knows nothing of the library: it answers ARP
for its address, and sends UDP back to where it comes from. What it writes it writes in pieces, but to
stdio: who reads there is vde_plug, which loses its place for good when it is given a frame in pieces.

    echo_peer.py ADDRESS LENGTH-BYTES unix PATH | listen PATH | tcp PORT | listen-tcp PORT | stdio
"""
import os
import socket
import sys
import time

MAC = bytes([2, 0, 0, 0, 0, 99])


def answer(frame, address):
    kind = frame[12:14]
    if kind == b'\x08\x06' and frame[20:22] == b'\0\1' and frame[38:42] == address:
        return (frame[6:12] + MAC + b'\x08\x06' + frame[14:20] + b'\0\2' + MAC + address
                + frame[22:28] + frame[28:32])
    if kind == b'\x08\0' and frame[23] == 17 and frame[30:34] == address:
        ip = bytearray(frame[14:34])
        ip[12:16], ip[16:20] = ip[16:20], ip[12:16]
        udp = frame[36:38] + frame[34:36] + frame[38:]
        return frame[6:12] + MAC + kind + bytes(ip) + udp
    return None


def main():
    address, width, kind = socket.inet_aton(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    if kind == 'stdio':
        reads, writes = 0, 1
    else:
        internet = kind.endswith('tcp')
        place = ('127.0.0.1', int(sys.argv[4])) if internet else sys.argv[4]
        peer = socket.socket(socket.AF_INET if internet else socket.AF_UNIX, socket.SOCK_STREAM)
        if kind.startswith('listen'):
            peer.bind(place)
            peer.listen(1)
            peer = peer.accept()[0]
        else:
            while internet and peer.connect_ex(place):
                time.sleep(0.02)  # it is not there yet
            if not internet:
                peer.connect(place)
        reads = writes = peer.fileno()
    there, piece = b'', 0
    while True:
        more = os.read(reads, 65536)
        if not more:
            return
        there += more
        while len(there) >= width:
            size = int.from_bytes(there[:width], 'big')
            if len(there) < width + size:
                break
            back = answer(there[width:width + size], address)
            there = there[width + size:]
            if not back:
                continue
            out = len(back).to_bytes(width, 'big') + back
            if kind == 'stdio':
                os.write(writes, out)
                continue
            while out:
                piece = piece % 700 + 1
                out = out[os.write(writes, out[:piece]):]


if __name__ == '__main__':
    main()
