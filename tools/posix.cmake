# SPDX-License-Identifier: GPL-2.0
# The tools on POSIX systems: all of them, with all their libraries.
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(LibArchive REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(pugixml REQUIRED)
# The headers only: the program loads these when it is asked for a domain, for what is encrypted, or for
# a reproducible image.
pkg_check_modules(EXT2FS REQUIRED ext2fs>=1.46)
pkg_check_modules(LIBVIRT REQUIRED libvirt)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET GLOBAL libseccomp)
pkg_check_modules(CRYPTSETUP REQUIRED libcryptsetup>=2.4)

set(LKL_TOOL_ROOMS base disk image session net run preload opens tree ktest drill lkl fuse)
set(LKL_TOOL_HOST_BASE descriptors.cc host_calls.cc library.cc limits.cc new_descriptors.cc outside.cc plugin.cc process.cc
    quiet_terminal.cc signals.cc socket_message.cc terminal_streams.cc)
set(LKL_TOOL_HOST_DISK cryptsetup_library.cc luks.cc)
set(LKL_TOOL_HOST_IMAGE call_filter.cc disk_server.cc domain_disk.cc domain_images.cc hypervisor.cc image_host.cc
    image_nodes.cc image_users.cc landlock.cc libvirt_library.cc program_sandbox.cc)
set(LKL_TOOL_HOST_SESSION mount_end.cc sandbox.cc)
set(LKL_TOOL_HOST_TREE acl_names.cc host_tree.cc)
set(LKL_TOOL_ARCHIVES LibArchive::LibArchive)
set(LKL_TOOL_HOST_LKL begin.cc lklfuse.cc)
