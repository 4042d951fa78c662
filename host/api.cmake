# SPDX-License-Identifier: GPL-2.0
# The helpers of include/lkl.h that are made of system calls.
set(LKL_API_SOURCES
  api/blkdev.cc api/config.cc api/config_apply.cc api/dhcp.cc api/dir.cc api/error.cc api/memory.cc api/mount.cc api/netif.cc api/netlink.cc
  api/netlink_dump.cc api/print.cc api/resolver.cc api/route.cc api/settings.cc api/slaac.cc
  api/trace.cc api/util.cc)
set_source_files_properties(api/error.cc PROPERTIES
  INCLUDE_DIRECTORIES ${LKL_API_SOURCE_DIR}
  OBJECT_DEPENDS ${LKL_API_SOURCE_DIR}/lkl_errors.inc)
set_source_files_properties(api/trace.cc PROPERTIES
  INCLUDE_DIRECTORIES ${LKL_API_SOURCE_DIR}
  OBJECT_DEPENDS ${LKL_API_SOURCE_DIR}/lkl_trace.inc)
