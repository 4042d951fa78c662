#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Programs of the host by lkl run, beside the same programs in a network namespace of the host's.

    programs.py LKL [SECONDS]

LKL is the command (build/default/bin/lkl). As root: nginx and redis behind a TAP interface and behind a pair of veth, asked by
wrk and redis-benchmark on the host; connections that a program makes; calls of sockets and files of the host's; the start of a
program. Rows are the library by each tier, the host, and the ratios.
"""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

CONNECTIONS = 50
STARTS = 20

NGINX = """daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000;
        client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
        uwsgi_temp_path {folder}; scgi_temp_path {folder};
        server {{ listen 80; location / {{ root {folder}; }} }} }}
"""

# Connections to itself, one after the other: microseconds of socket(), connect() and close() of one.
CONNECTING = """
import socket, time
listener = socket.create_server(("127.0.0.1", 8000), backlog=512)
best = None
for _ in range(20):
    begin = time.perf_counter()
    for _ in range(100):
        s = socket.socket()
        s.connect(("127.0.0.1", 8000))
        s.close()
    took = (time.perf_counter() - begin) / 100
    best = took if best is None else min(best, took)
    for _ in range(100):
        listener.accept()[0].close()
print(best * 1e6)
"""


def sh(line):
    subprocess.run(line, shell=True, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def networks():
    """A TAP interface for the library, a namespace for the host."""
    name = f"lklb{os.getpid() % 10000}"
    try:
        sh(f"ip tuntap add {name} mode tap && ip addr add 10.98.1.1/24 dev {name} && ip link set {name} up")
        sh(f"ip netns add {name} && ip link add {name}v type veth peer name eth0 netns {name} && "
           f"ip addr add 10.98.2.1/24 dev {name}v && ip link set {name}v up && "
           f"ip -n {name} addr add 10.98.2.2/24 dev eth0 && ip -n {name} link set eth0 up && ip -n {name} link set lo up")
        yield name
    finally:
        subprocess.run(f"ip link del {name}; ip link del {name}v; ip netns del {name}", shell=True, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def running(words, address, ask):
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if subprocess.run(ask(address), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0:
                break
            time.sleep(0.1)
        else:
            sys.exit(f"{words[0]}: nobody answers at {address}")
        yield
    finally:
        process.terminate()
        process.wait()


def requests_per_second(address, seconds):
    said = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", f"http://{address}/page"],
                          capture_output=True, text=True, check=True).stdout
    if "errors" in said or "Non-2xx" in said:
        sys.exit(f"wrk: a request has failed:\n{said}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))


def redis_per_second(address, kind, connections, count):
    said = subprocess.run(["redis-benchmark", "-h", address, "-t", kind, "-c", str(connections), "-n", str(count), "--csv"],
                          capture_output=True, text=True, check=True).stdout
    # the last line: "GET","95238.10", ...
    return float(said.strip().splitlines()[-1].split('","')[1].strip('"'))


def start(words):
    best = None
    for _ in range(STARTS):
        begin = time.perf_counter()
        subprocess.run(words, check=True)
        took = time.perf_counter() - begin
        best = took if best is None else min(best, took)
    return best * 1e3


TIERS = ("server", "auto", "preload")


def row(what, *measured):
    *tiers, host = measured
    print(f"{what:42}" + "".join(f" {value:10.2f}" for value in measured) +
          "".join(f" {value / host:8.2f}" for value in tiers), flush=True)


# Microseconds of a call with a socket of the host's.
ASKING = """
import socket, time
here, there = socket.socketpair()
best = None
for _ in range(20):
    begin = time.perf_counter()
    for _ in range(500):
        here.getpeername()
    took = (time.perf_counter() - begin) / 500
    best = took if best is None else min(best, took)
print(best * 1e6)
"""

# Nanoseconds of a read() of one byte of a file of the host's.
READING = """
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
int main(void) {
  int fd = open("/dev/zero", O_RDONLY);
  double best = 1e9;
  for (int round = 0; round < 20; round++) {
    struct timespec a, b;
    char byte;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < 200000; i++) (void)!read(fd, &byte, 1);
    clock_gettime(CLOCK_MONOTONIC, &b);
    double took = ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / 200000;
    if (took < best) best = took;
  }
  printf("%f\\n", best);
}
"""

def printed(words):
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def main():
    lkl = sys.argv[1]
    seconds = sys.argv[2] if len(sys.argv) > 2 else "5"
    for program in ("nginx", "wrk", "curl", "cc", "redis-server", "redis-benchmark", "redis-cli"):
        if not shutil.which(program):
            sys.exit(f"{program}: is not installed")
    if os.geteuid() != 0:
        sys.exit("interfaces are made: be root")
    with networks() as name, tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        pathlib.Path(folder, "page").write_bytes(b"x" * 1000)
        config = pathlib.Path(folder, "nginx.conf")
        config.write_text(NGINX.format(folder=folder))
        source = pathlib.Path(folder, "read.c")
        source.write_text(READING)
        reading = str(source.with_suffix(""))
        sh(f"cc -O2 -o {reading} {source}")
        tap = ["--net", f"tap:{name}", "--address", "10.98.1.2/24", "--"]
        ways = [[lkl, "run", "--tier", tier] + tap for tier in TIERS] + [["ip", "netns", "exec", name]]
        nginx = ["nginx", "-c", str(config)]
        print(f"{'':42}" + "".join(f" {name:>10}" for name in (*TIERS, "host")) + "".join(f" {name:>8}" for name in TIERS))
        redis = ["redis-server", "--save", "", "--protected-mode", "no", "--bind", "0.0.0.0", "--dir", folder]
        def ask_nginx(address):
            return ["curl", "-s", f"http://{address}/page"]

        def ask_redis(address):
            return ["redis-cli", "-h", address, "ping"]

        servers = [
            ("nginx, requests a second", nginx, ask_nginx, lambda address: requests_per_second(address, seconds)),
            ("redis, GET, 50 connections, a second", redis, ask_redis,
             lambda address: redis_per_second(address, "get", CONNECTIONS, 300000)),
            ("redis, PING, one connection, a second", redis, ask_redis,
             lambda address: redis_per_second(address, "ping_mbulk", 1, 30000))]
        for what, program, ask, measure in servers:
            rates = [[] for _ in ways]
            # in turns: the machine is not the same all the time
            for _ in range(3):
                for way, into, address in zip(ways, rates, ["10.98.1.2"] * len(TIERS) + ["10.98.2.2"]):
                    with running(way + program, address, ask):
                        into.append(measure(address))
            row(what, *(sorted(some)[1] for some in rates))
        row("socket(), connect(), close(), us", *(printed(way + ["python3", "-c", CONNECTING]) for way in ways))
        row("getpeername() of the host's, us", *(printed(way + ["python3", "-c", ASKING]) for way in ways))
        row("read() of a file of the host's, ns", *(printed(way + [reading]) for way in ways))
        row("start of true, ms", *(start(way + ["true"]) for way in ways))


main()
