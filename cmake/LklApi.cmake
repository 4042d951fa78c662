# SPDX-License-Identifier: GPL-2.0
# The part of the public API that is made from the kernel tree. Gives
#   LKL_API_INCLUDE_DIR        <lkl/...> with prefixed names
#   LKL_API_GENERATED_SOURCES  the system call functions
#   LKL_VERSION_SCRIPT         for the linker, and
#   LKL_EXPORTED_SYMBOLS       for objcopy,
#   LKL_DEFINITIONS            for a DLL: what the libraries export
# and the target lkl_api that makes them.

find_package(Python3 REQUIRED COMPONENTS Interpreter)
# What reads the kernel's headers is a compiler for Linux, whatever the library is for.
set(api_compiler ${CMAKE_C_COMPILER})
if(CMAKE_CROSSCOMPILING)
  find_program(LKL_BUILD_CC NAMES gcc cc REQUIRED NO_CMAKE_FIND_ROOT_PATH)
  set(api_compiler ${LKL_BUILD_CC})
endif()

set(LKL_API_INCLUDE_DIR ${CMAKE_BINARY_DIR}/api/include)
set(LKL_API_SOURCE_DIR ${CMAKE_BINARY_DIR}/api/source)
set(LKL_API_GENERATED_SOURCES ${LKL_API_SOURCE_DIR}/lkl_syscalls.c)
set(gen ${CMAKE_SOURCE_DIR}/tools/gen)
set(api_stamp ${CMAKE_BINARY_DIR}/api/stamp)

add_custom_command(
  OUTPUT ${api_stamp} ${LKL_API_GENERATED_SOURCES}
  BYPRODUCTS ${LKL_API_SOURCE_DIR}/lkl_errors.inc ${LKL_API_SOURCE_DIR}/lkl_trace.inc
             ${LKL_API_SOURCE_DIR}/lkl_syscalls.list
  COMMAND ${Python3_EXECUTABLE} ${gen}/gen_headers.py
          --kernel-headers ${LKL_KERNEL_HEADERS} --output ${LKL_API_INCLUDE_DIR}
  COMMAND ${Python3_EXECUTABLE} ${gen}/gen_syscalls.py
          --kernel-source ${LKL_KERNEL_TREE} --kernel-headers ${LKL_KERNEL_HEADERS}
          --compiler ${api_compiler} --output ${LKL_API_INCLUDE_DIR}
          --source-output ${LKL_API_SOURCE_DIR}
  COMMAND ${CMAKE_COMMAND} -E touch ${api_stamp}
  DEPENDS ${LKL_KERNEL_HEADERS_STAMP} ${gen}/gen_headers.py ${gen}/gen_syscalls.py
          ${gen}/ctokens.py
  VERBATIM COMMENT "API: headers and system calls from the kernel tree")

set(LKL_VERSION_SCRIPT ${LKL_API_SOURCE_DIR}/lkl.map)
set(LKL_EXPORTED_SYMBOLS ${LKL_API_SOURCE_DIR}/lkl.symbols)
set(LKL_DEFINITIONS ${LKL_API_SOURCE_DIR}/lkl.def)
add_custom_command(
  OUTPUT ${LKL_VERSION_SCRIPT} ${LKL_EXPORTED_SYMBOLS} ${LKL_DEFINITIONS}
  COMMAND ${Python3_EXECUTABLE} ${gen}/gen_exports.py
          --exports ${CMAKE_SOURCE_DIR}/host/exports.txt
          --syscalls ${LKL_API_SOURCE_DIR}/lkl_syscalls.list
          --version-script ${LKL_VERSION_SCRIPT} --symbols ${LKL_EXPORTED_SYMBOLS}
          --definitions ${LKL_DEFINITIONS}
  DEPENDS ${api_stamp} ${CMAKE_SOURCE_DIR}/host/exports.txt ${gen}/gen_exports.py
  VERBATIM COMMENT "API: what is exported")
add_custom_target(lkl_api DEPENDS ${api_stamp} ${LKL_VERSION_SCRIPT})
add_dependencies(lkl_api lkl_kernel_headers)
