#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The physical volumes of an LVM volume group, without a kernel: labels and metadata by the
documented format (pvck judges them), contents by the mapping of the logical volumes.

    make_group.py GROUP.json

{"name": "vg", "extents": 16, "files": ["pv0.img", ...], "no_metadata": ["pv1.img"],
 "volumes": {"root": {"status": ["READ", "WRITE", "VISIBLE"], "contents": "fs.img",
             "segments": [{"type": "striped", "count": 4, "areas": [["pv0", 0]], "stripe_size": 128,
                           "more": "..."}]}}}

An area lies on "pvN", or in another volume. Contents are placed through striped segments.
"""
import hashlib
import json
import os
import string
import struct
import sys

SECTOR = 512
EXTENT = 1 << 20
START = 1 << 20  # of the first extent
AREA = 4096, START - 4096  # of metadata


def table():
    result = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0xEDB88320 if number & 1 else 0)
        result.append(number)
    return result


TABLE = table()


def checksum(data):
    crc = 0xF597A6CF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc


def uuid(name):
    letters = string.ascii_letters + string.digits
    digest = hashlib.sha512(name.encode()).digest()
    text = "".join(letters[b % len(letters)] for b in digest[:32])
    cuts = [0, 6, 10, 14, 18, 22, 26, 32]
    return "-".join(text[a:b] for a, b in zip(cuts, cuts[1:]))


def describe(group):
    lines = [f"{group['name']} {{", f'id = "{uuid(group["name"])}"', "seqno = 3",
             'format = "lvm2"', 'status = ["RESIZEABLE", "READ", "WRITE"]', "flags = []",
             f"extent_size = {EXTENT // SECTOR}", "max_lv = 0", "max_pv = 0", "metadata_copies = 0",
             "physical_volumes {"]
    for number, path in enumerate(group["files"]):
        lines += [f"pv{number} {{", f'id = "{uuid(path)}"', f'device = "/dev/{path}"',
                  'status = ["ALLOCATABLE"]', "flags = []",
                  f"dev_size = {(START + group['extents'] * EXTENT) // SECTOR}",
                  f"pe_start = {START // SECTOR}", f"pe_count = {group['extents']}", "}"]
    lines += ["}", "logical_volumes {"]
    for name, volume in group["volumes"].items():
        status = json.dumps(volume.get("status", ["READ", "WRITE", "VISIBLE"]))
        lines += [f"{name} {{", f'id = "{uuid(group["name"] + name)}"', f"status = {status}",
                  "flags = []", f"segment_count = {len(volume['segments'])}"]
        start = 0
        for number, segment in enumerate(volume["segments"], 1):
            lines += [f"segment{number} {{", f"start_extent = {start}",
                      f"extent_count = {segment['count']}", f'type = "{segment["type"]}"']
            if segment["type"] == "striped":
                lines += [f"stripe_count = {len(segment['areas'])}",
                          f"stripe_size = {segment.get('stripe_size', 128)}",
                          "stripes = " + json.dumps(sum(segment["areas"], []))]
            lines += [segment.get("more", ""), "}"]
            start += segment["count"]
        lines.append("}")
    lines += ["}", "}", "# a comment", 'contents = "Text Format Volume Group"', "version = 1",
              'description = ""', 'creation_host = "host"', "creation_time = 1700000000", ""]
    return "\n".join(lines).encode() + b"\0"


def place(group, volume, at):
    """Where a byte of a volume is: (file, offset, bytes that follow it there)."""
    for segment in volume["segments"]:
        size = segment["count"] * EXTENT
        if at >= size:
            at -= size
            continue
        areas = segment["areas"]
        if len(areas) == 1:
            column, offset, room = 0, at, size - at
        else:
            stripe = segment.get("stripe_size", 128) * SECTOR
            column = at // stripe % len(areas)
            offset = at // stripe // len(areas) * stripe + at % stripe
            room = stripe - at % stripe
        name, extent = areas[column]
        offset += extent * EXTENT
        if not name.startswith("pv"):
            path, inner, more = place(group, group["volumes"][name], offset)
            return path, inner, min(room, more)
        return group["files"][int(name[2:])], START + offset, room
    raise ValueError("beyond the end")


def write_label(path, group, text, with_metadata):
    size = START + group["extents"] * EXTENT
    areas = struct.pack("<QQ16x", START, 0)
    areas += struct.pack("<QQ16x", *AREA) if with_metadata else bytes(16)
    header = (b"LVM2 001" + uuid(path).replace("-", "").encode() + struct.pack("<Q", size) + areas)
    body = (struct.pack("<I", 32) + header).ljust(SECTOR - 20, b"\0")
    with open(path, "wb") as file:
        file.truncate(size)
        file.seek(SECTOR)
        file.write(struct.pack("<8sQI", b"LABELONE", 1, checksum(body)) + body)
        if not with_metadata:
            return
        # The text goes around the end of the area.
        offset = AREA[1] - 700 // SECTOR * SECTOR
        first = min(len(text), AREA[1] - offset)
        body = struct.pack("<16sIQQ", b" LVM2 x[5A%r0N*>", 1, *AREA)
        body += struct.pack("<QQII", offset, len(text), checksum(text), 0)
        body = body.ljust(SECTOR - 4, b"\0")
        file.seek(AREA[0])
        file.write(struct.pack("<I", checksum(body)) + body)
        file.seek(AREA[0] + offset)
        file.write(text[:first])
        file.seek(AREA[0] + SECTOR)
        file.write(text[first:])


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        group = json.load(file)
    text = describe(group)
    for path in group["files"]:
        write_label(path, group, text, path not in group.get("no_metadata", []))
    for volume in group["volumes"].values():
        if "contents" not in volume:
            continue
        at, end = 0, os.path.getsize(volume["contents"])
        with open(volume["contents"], "rb") as source:
            while at < end:
                path, offset, room = place(group, volume, at)
                data = source.read(min(room, end - at))
                with open(path, "r+b") as file:
                    file.seek(offset)
                    file.write(data)
                at += len(data)


main()
