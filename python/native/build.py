# SPDX-License-Identifier: GPL-2.0
"""build.py CDEF SOURCE OUTPUT - writes the C source of the module lkl._native"""
import sys

import cffi


def main() -> None:
    declarations, source, output = sys.argv[1:]
    ffi = cffi.FFI()
    with open(declarations, encoding="utf-8") as file:
        ffi.cdef(file.read())
    with open(source, encoding="utf-8") as file:
        ffi.set_source("lkl._native", file.read())
    ffi.emit_c_code(output)


main()
