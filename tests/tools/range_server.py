#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Serves one file by HTTP with ranges, on a port of its own choice, which it prints."""
import http.server
import os
import re
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        size = os.path.getsize(sys.argv[1])
        first, last = 0, size - 1
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if self.path != "/disk":
            self.send_error(404)
            return
        if asked:
            first = int(asked[1])
            last = min(int(asked[2] or last), last)
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        if body:
            with open(sys.argv[1], "rb") as file:
                file.seek(first)
                self.wfile.write(file.read(last - first + 1))

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
