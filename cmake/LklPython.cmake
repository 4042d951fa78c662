# SPDX-License-Identifier: GPL-2.0
# Whether the Python package is built, LKL_BUILD_PYTHON, and for which Python: LKL_PYTHON with
# LKL_PYTHON_INCLUDE_DIR.
find_program(LKL_PYTHON python3 HINTS /usr/bin
             DOC "The Python that the package lkl is built for; wants its cffi")
execute_process(
  COMMAND ${LKL_PYTHON} -c "import cffi, sysconfig; print(sysconfig.get_path('include'))"
  OUTPUT_VARIABLE LKL_PYTHON_INCLUDE_DIR OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
set(found OFF)
if(EXISTS "${LKL_PYTHON_INCLUDE_DIR}/Python.h")
  set(found ON)
endif()
# A sanitizer's runtime would have to be loaded before Python.
set(default ${found})
if(LKL_SANITIZE)
  set(default OFF)
endif()
option(LKL_BUILD_PYTHON "Build the Python package" ${default})
if(LKL_BUILD_PYTHON AND NOT found)
  message(FATAL_ERROR "LKL_BUILD_PYTHON: ${LKL_PYTHON} has no cffi, or no Python.h. Install "
                      "python3-cffi and python3-dev, or set LKL_PYTHON")
endif()
