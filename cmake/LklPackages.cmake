# SPDX-License-Identifier: GPL-2.0
# cpack: Debian packages of the components that LklInstall.cmake and tools/ name. They have Debian's
# paths (/usr, lib/x86_64-linux-gnu), whatever the prefix of this build folder is.

set(LKL_PACKAGE_MAINTAINER "LKL maintainers <maintainers@lkl.invalid>" CACHE STRING
    "Who is named as the maintainer of the Debian packages")

set(CPACK_GENERATOR DEB)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each has its own
set(CPACK_PACKAGE_CONTACT ${LKL_PACKAGE_MAINTAINER})
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
# What the files say of their own place is true for /usr then, not for the folder they are staged in.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/packages/finish.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SOURCE lkl)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
get_target_property(folder lkl BINARY_DIR)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${folder})

# lkl_package(NAME SECTION [DEPENDS packages of ours] [ALSO packages of Debian's] [RECOMMENDS ...]
# [SUGGESTS ...] DESCRIPTION lines...); lists of packages as Debian writes them.
macro(lkl_package name section)
  cmake_parse_arguments(arg "" "ALSO;RECOMMENDS;SUGGESTS" "DEPENDS;DESCRIPTION" ${ARGN})
  string(TOUPPER ${name} component)
  list(APPEND CPACK_COMPONENTS_ALL ${name})
  list(JOIN arg_DESCRIPTION "\n" CPACK_COMPONENT_${component}_DESCRIPTION)
  set(CPACK_COMPONENT_${component}_DEPENDS ${arg_DEPENDS})
  set(CPACK_DEBIAN_${component}_PACKAGE_NAME ${name})
  set(CPACK_DEBIAN_${component}_PACKAGE_SECTION ${section})
  foreach(field RECOMMENDS SUGGESTS)
    set(CPACK_DEBIAN_${component}_PACKAGE_${field} ${arg_${field}})
  endforeach()
  if(arg_ALSO)
    set(CPACK_DEBIAN_${component}_PACKAGE_DEPENDS ${arg_ALSO})
  endif()
  install(FILES ${CMAKE_CURRENT_LIST_DIR}/packages/copyright DESTINATION share/doc/${name}
          COMPONENT ${name} EXCLUDE_FROM_ALL)
  # Names of functions are there on purpose, see DebugInfo.cmake.
  set(overrides ${CMAKE_CURRENT_BINARY_DIR}/lklDebianTargets/overrides/${name})
  file(WRITE ${overrides} "${name}: unstripped-binary-or-object\n")
  if(NOT ${name} MATCHES "-(dev|dbgsym)$")
    install(FILES ${overrides} DESTINATION share/lintian/overrides COMPONENT ${name} EXCLUDE_FROM_ALL)
  endif()
endmacro()

set(CPACK_COMPONENTS_ALL)
# What is opened when it is first used is no dependency: nbd:// wants libnbd0, xdp: libxdp1, encrypted
# disks libcryptsetup12, domains libvirt0, switches of VDE libvdeplug2, devices of DPDK librte-ethdev23.
lkl_package(liblkl0 libs
  SUGGESTS "libnbd0, librte-ethdev23, libvdeplug2, libxdp1"
  DESCRIPTION "Linux as a library"
  "An unmodified Linux kernel, built as a library. A program that links it has"
  "Linux's file systems and network stack in its own process, on image files and"
  "block devices, without privileges and without a virtual machine.")
set(shlibs ${CMAKE_CURRENT_BINARY_DIR}/lklDebianTargets/shlibs)
file(CONFIGURE OUTPUT ${shlibs} CONTENT "liblkl 0 liblkl0 (>= @PROJECT_VERSION@)\n" @ONLY)
set(CPACK_DEBIAN_LIBLKL0_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_LIST_DIR}/packages/triggers ${shlibs})

lkl_package(liblkl-dev libdevel
  DEPENDS liblkl0 ALSO liburing-dev
  DESCRIPTION "Linux as a library: development files"
  "Headers for C and C++, the static library, files for pkg-config and CMake, and"
  "manual pages of section 3.")
# no programs, and a look at each header would take minutes
set(CPACK_DEBIAN_LIBLKL-DEV_PACKAGE_SHLIBDEPS OFF)

if(LKL_BUILD_TOOLS)
  lkl_package(lkl-tools utils
    DEPENDS liblkl0
    RECOMMENDS "fuse3, qemu-utils, libcryptsetup12, e2fsprogs, btrfs-progs"
    SUGGESTS "nbdkit, libnbd0, libvirt0, openssh-client, dosfstools, exfatprogs, python3"
    DESCRIPTION "files in disk images, without privileges"
    "The command lkl lists, reads, writes, copies, mounts and makes file systems in"
    "disk images and block devices, and runs the tests of a Linux kernel. The mount"
    "by FUSE is lklfuse. Both have the Linux kernel in their own process.")
endif()

if(LKL_BUILD_PYTHON)
  lkl_package(python3-lkl python
    DEPENDS liblkl0
    ALSO "python3 (>= 3.9), python3-cffi-backend"
    DESCRIPTION "Linux as a library: Python package"
    "The file systems of a Linux kernel in a Python program, on disk images: mounts,"
    "files as Python's file objects, and functions as those of the module os.")
  set(CPACK_DEBIAN_PYTHON3-LKL_PACKAGE_CONTROL_EXTRA
      ${CMAKE_CURRENT_LIST_DIR}/packages/python/postinst
      ${CMAKE_CURRENT_LIST_DIR}/packages/python/prerm)
endif()

lkl_package(lkl-dbgsym debug
  DESCRIPTION "Linux as a library: debug information"
  "Where debuggers find it by themselves, for liblkl0, lkl-tools and python3-lkl of"
  "the same version.")
set(CPACK_DEBIAN_LKL-DBGSYM_PACKAGE_SHLIBDEPS OFF)

include(CPack)
