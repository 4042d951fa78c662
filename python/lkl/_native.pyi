# SPDX-License-Identifier: GPL-2.0
# Made by cffi of native/calls.cdef, which has the types.
from typing import Any

ffi: Any
lib: Any
