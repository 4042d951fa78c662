# SPDX-License-Identifier: GPL-2.0
# Builds the kernel object by tools/build/kernel.sh. Gives
#   LKL_KERNEL_OBJECT   the relocatable object, target lkl_kernel
#   LKL_KERNEL_HEADERS  usr/include as made by the kernel's own headers target
#   LKL_KERNEL_TREE     the source tree with arch/lkl in it
#   LKL_KERNEL_CHECKERS checkers it has: those of the profile and LKL_CHECKERS
#   LKL_PLAIN_PROFILES  those whose fragments say all, and lkl_profile_fragments(NAME RESULT): the
#                       files of one

set(LKL_PLAIN_PROFILES minimal default flat windows trees demo debug checkers valgrind fuzz fuzz-mapped
    trace nettests)
set(fragments_minimal base)
set(fragments_default base fs net netfilter mapped mappedfs)
set(fragments_flat base fs net netfilter)
set(fragments_windows base fs)
set(fragments_trees base mapped trees)
set(fragments_demo base demo)
set(fragments_debug base fs net netfilter mapped mappedfs)
set(fragments_checkers base mapped planted debuginfo)
set(fragments_valgrind base mapped planted lines)
set(fragments_kunit base mapped kunit)
set(fragments_boottests boottests mapped)
set(fragments_fuzz base fuzz)
set(fragments_fuzz-mapped base mapped fuzz fuzzmapped)
set(fragments_trace base trace)
set(fragments_nettests base net nettests)
# Profiles with tests that are found in the tree: by tools/build/NAME_config.py.
set(tests_kunit kunit)
set(tests_boottests boot)
set(checkers_debug lockdep)
set(checkers_checkers lockdep kasan ubsan kmemleak)
set(checkers_valgrind valgrind)

function(lkl_profile_fragments name result)
  set(files ${fragments_${name}} ${checkers_${name}})
  list(TRANSFORM files PREPEND ${CMAKE_SOURCE_DIR}/arch/lkl/configs/)
  list(TRANSFORM files APPEND .config)
  set(${result} ${files} PARENT_SCOPE)
endfunction()

if(NOT DEFINED fragments_${LKL_PROFILE})
  message(FATAL_ERROR "LKL_PROFILE=${LKL_PROFILE}: no such profile "
                      "(default, flat, trees, windows, demo, minimal, debug, checkers, valgrind, kunit, boottests, fuzz, fuzz-mapped, trace, nettests)")
endif()
if(NOT EXISTS ${LKL_KERNEL_SOURCE})
  message(FATAL_ERROR "${LKL_KERNEL_SOURCE}: no such kernel source. Install linux-source-6.12 "
                      "or give an unpacked tree by -DLKL_KERNEL_SOURCE=DIR")
endif()

set(fragments ${fragments_${LKL_PROFILE}})
# Whether it has page tables; one by LKL_KERNEL_CONFIG has to say so.
if("mapped" IN_LIST fragments)
  set(LKL_KERNEL_MAPPED ON)
endif()
# Any of these goes with any profile.
set(LKL_KERNEL_CHECKERS ${checkers_${LKL_PROFILE}} ${LKL_CHECKERS})
list(REMOVE_DUPLICATES LKL_KERNEL_CHECKERS)
foreach(checker IN LISTS LKL_KERNEL_CHECKERS)
  if(NOT checker MATCHES "^(lockdep|kasan|ubsan|kmemleak|gcov|valgrind)$")
    message(FATAL_ERROR "LKL_CHECKERS=${LKL_CHECKERS}: no such checker as '${checker}' "
                        "(lockdep, kasan, ubsan, kmemleak, gcov, valgrind)")
  endif()
  list(APPEND fragments ${checker})
endforeach()
if(LKL_KERNEL_DEBUG_INFO)
  list(APPEND fragments debuginfo)
  list(REMOVE_DUPLICATES fragments)
endif()
list(TRANSFORM fragments PREPEND ${CMAKE_SOURCE_DIR}/arch/lkl/configs/)
list(TRANSFORM fragments APPEND .config)
if(LKL_KERNEL_CONFIG)
  if(NOT EXISTS ${LKL_KERNEL_CONFIG})
    message(FATAL_ERROR "LKL_KERNEL_CONFIG=${LKL_KERNEL_CONFIG}: no such file")
  endif()
  list(APPEND fragments ${LKL_KERNEL_CONFIG})
endif()

# Builds that differ only in host code may share a kernel.
set(LKL_KERNEL_BUILD_DIR ${CMAKE_BINARY_DIR}/kernel CACHE PATH "Where the kernel is built")
set(kernel_dir ${LKL_KERNEL_BUILD_DIR})
set(LKL_KERNEL_TREE ${kernel_dir}/tree)
set(kernel_obj ${LKL_KERNEL_TREE}/build)
set(LKL_KERNEL_HEADERS ${kernel_obj}/usr/include)
set(LKL_KERNEL_OBJECT ${kernel_dir}/lkl-kernel.o)
set(kernel_script ${CMAKE_SOURCE_DIR}/tools/build/kernel.sh)

# What it is made of: one that is shared has to be the same for all. The owner says it; another
# build that was first says it for the owner.
set(made_of "${CMAKE_SOURCE_DIR}/arch/lkl ${LKL_KERNEL_SOURCE} ${fragments}")
set(made_of_file ${kernel_dir}/made-of)
if(EXISTS ${made_of_file})
  file(READ ${made_of_file} made_of_before)
endif()
if(NOT made_of STREQUAL made_of_before)
  if(made_of_before AND NOT LKL_KERNEL_BUILD_DIR STREQUAL "${CMAKE_BINARY_DIR}/kernel")
    message(FATAL_ERROR "LKL_KERNEL_BUILD_DIR=${LKL_KERNEL_BUILD_DIR}: the kernel there is another: of\n"
                        "  ${made_of_before}\nnot of\n  ${made_of}\n"
                        "Give its folder only to builds of the same source tree, kernel source and profile.")
  endif()
  file(WRITE ${made_of_file} "${made_of}")
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${made_of_file})
list(JOIN fragments " " fragments_words)
set(tests_words)
set(tests_inputs)
if(tests_${LKL_PROFILE})
  set(tests_words TESTS=${tests_${LKL_PROFILE}})
  set(tests_inputs ${CMAKE_SOURCE_DIR}/tools/build/${tests_${LKL_PROFILE}}_config.py
                   ${CMAKE_SOURCE_DIR}/tools/build/option_search.py
                   ${CMAKE_SOURCE_DIR}/tools/build/kconfig.py)
endif()
set(LKL_KERNEL_COMMAND ${CMAKE_COMMAND} -E env
    SOURCE=${LKL_KERNEL_SOURCE} TREE=${LKL_KERNEL_TREE} OBJ=${kernel_obj}
    ARCH_DIR=${CMAKE_SOURCE_DIR}/arch/lkl PROFILE=${LKL_PROFILE} ${tests_words}
    "FRAGMENTS=${fragments_words}" OUTPUT=${LKL_KERNEL_OBJECT} ${kernel_script})

file(GLOB_RECURSE arch_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/arch/lkl/*)
list(FILTER arch_files EXCLUDE REGEX "/configs/")
set(kernel_inputs ${arch_files} ${fragments} ${kernel_script} ${tests_inputs} ${LKL_KERNEL_SOURCE})
if(IS_DIRECTORY ${LKL_KERNEL_SOURCE})
  # Somebody works in that tree: let kbuild see for itself each time.
  # (A file that is never made is always older.)
  set(source_changed ${kernel_dir}/source-changed)
  set_source_files_properties(${source_changed} PROPERTIES SYMBOLIC TRUE)
  add_custom_command(OUTPUT ${source_changed} COMMAND ${CMAKE_COMMAND} -E true VERBATIM
                     COMMENT "Kernel: looking for changes in ${LKL_KERNEL_SOURCE}")
  list(APPEND kernel_inputs ${source_changed})
endif()

add_custom_command(
  OUTPUT ${LKL_KERNEL_OBJECT}
  BYPRODUCTS ${kernel_obj}/vmlinux.o
  COMMAND ${LKL_KERNEL_COMMAND} unpack
  COMMAND ${LKL_KERNEL_COMMAND} configure
  COMMAND ${LKL_KERNEL_COMMAND} compile
  COMMAND ${LKL_KERNEL_COMMAND} link
  DEPENDS ${kernel_inputs}
  USES_TERMINAL VERBATIM
  COMMENT "Kernel: profile ${LKL_PROFILE} of ${LKL_KERNEL_SOURCE}")
add_custom_target(lkl_kernel DEPENDS ${LKL_KERNEL_OBJECT})

# The headers take seconds, the kernel minutes: what needs only the headers need
# not wait.
file(GLOB_RECURSE arch_uapi CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/arch/lkl/include/uapi/*)
set(LKL_KERNEL_HEADERS_STAMP ${kernel_dir}/headers.stamp)
add_custom_command(
  OUTPUT ${LKL_KERNEL_HEADERS_STAMP}
  COMMAND ${LKL_KERNEL_COMMAND} unpack
  COMMAND ${LKL_KERNEL_COMMAND} configure
  COMMAND ${LKL_KERNEL_COMMAND} headers
  COMMAND ${CMAKE_COMMAND} -E touch ${LKL_KERNEL_HEADERS_STAMP}
  DEPENDS ${arch_uapi} ${fragments} ${kernel_script} ${tests_inputs} ${LKL_KERNEL_SOURCE}
  VERBATIM COMMENT "Kernel: exported headers")
add_custom_target(lkl_kernel_headers DEPENDS ${LKL_KERNEL_HEADERS_STAMP})
# Both unpack into the same folder.
add_dependencies(lkl_kernel lkl_kernel_headers)
