# SPDX-License-Identifier: GPL-2.0
# Runs during cmake --install, see lkl_stripped() in LklInstall.cmake: the debug information of
# programs and libraries goes to files of their own, where gdb looks by itself:
#   in /usr    lib/debug/.build-id/xx/yy.debug, as Debian's packages have it
#   elsewhere  .debug/NAME.debug beside the file, so that all may be moved together
# Names of functions stay: backtraces of a panic (host/posix/symbols.cc), gdb and perf read them.
# LKL_OBJCOPY and LKL_READELF are the programs.

function(lkl_write_debug_file built file)
  get_filename_component(folder "${file}" DIRECTORY)
  file(MAKE_DIRECTORY "${folder}")
  message(STATUS "Installing: ${file}")
  execute_process(COMMAND "${LKL_OBJCOPY}" --only-keep-debug "${built}" "${file}"
                  COMMAND_ERROR_IS_FATAL ANY)
  file(CHMOD "${file}" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()

# Strips what was installed in the folder; it was `built` in the build folder.
function(lkl_strip built folder)
  get_filename_component(name "${built}" NAME)
  cmake_path(ABSOLUTE_PATH folder BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" NORMALIZE)
  set(folder "$ENV{DESTDIR}${folder}")
  set(options --strip-debug)
  if(name MATCHES "[.]a$")
    # there is no such file for what becomes a part of other programs
    list(APPEND options --enable-deterministic-archives)
  elseif(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    # the loader looks there anyway; CMake's own scripts do it so
    file(RPATH_REMOVE FILE "${folder}/${name}")
  else()
    lkl_write_debug_file("${built}" "${folder}/.debug/${name}.debug")
    list(APPEND options "--add-gnu-debuglink=${folder}/.debug/${name}.debug")
  endif()
  execute_process(COMMAND "${LKL_OBJCOPY}" ${options} "${folder}/${name}"
                  COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# The file for the debugger under /usr.
function(lkl_install_debug_file built)
  if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr" OR built MATCHES "[.]a$")
    return()
  endif()
  execute_process(COMMAND "${LKL_READELF}" -nW "${built}" OUTPUT_VARIABLE notes
                  COMMAND_ERROR_IS_FATAL ANY)
  if(NOT notes MATCHES "Build ID: ([0-9a-f][0-9a-f])([0-9a-f]+)")
    message(FATAL_ERROR "${built} has no build ID: link it with -Wl,--build-id")
  endif()
  lkl_write_debug_file(
    "${built}" "$ENV{DESTDIR}/usr/lib/debug/.build-id/${CMAKE_MATCH_1}/${CMAKE_MATCH_2}.debug")
endfunction()
