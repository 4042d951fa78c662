# SPDX-License-Identifier: GPL-2.0
# The seam's POSIX side.
set(LKL_HOST_DEVICE_SOURCES
  posix/capture_file.cc posix/datagram_net.cc posix/descriptor.cc posix/event_loop.cc posix/file_backend.cc
  posix/file_source.cc posix/helper_program.cc posix/host_image.cc posix/host_loop.cc posix/interface.cc
  posix/macvtap.cc posix/packet_net.cc posix/passt_net.cc posix/perform.cc posix/pipe_net.cc posix/raw_net.cc
  posix/ready_set.cc posix/scratch_file.cc posix/shared_address.cc posix/side_stack.cc posix/socket_address.cc posix/socket_net.cc
  posix/stream_net.cc posix/stream_peers.cc posix/switch_place.cc posix/switch_port.cc posix/valgrind.cc
  posix/timer_descriptor.cc posix/wakeup.cc posix/wire_events.cc)
set(LKL_HOST_SOURCES
  posix/backtrace.cc posix/clock.cc posix/fault.cc posix/file.cc posix/host_operations.cc
  posix/library.cc posix/mappable_memory.cc posix/memory.cc posix/program_pages.cc posix/pthread_operations.cc posix/random.cc posix/symbols.cc posix/thread.cc posix/wait.cc)
# Of these, what devices want when there is no kernel.
set(LKL_HOST_BASE_SOURCES
  posix/clock.cc posix/file.cc posix/library.cc posix/memory.cc posix/random.cc posix/thread.cc posix/wait.cc)
set(LKL_HOST_SEAM ${CMAKE_CURRENT_LIST_DIR}/seam)

# What is there if its header is.
macro(lkl_host_device_options)
  if(NBD_FOUND)
    # loaded when it is needed: only its header is
    target_sources(lkl_devices PRIVATE block/nbd_client.cc block/nbd_library.cc)
    target_compile_definitions(lkl_devices PUBLIC LKL_HAVE_NBD)
  endif()
  if(DPDK_FOUND)
    # the same
    target_sources(lkl_devices PRIVATE posix/dpdk_library.cc posix/dpdk_net.cc posix/dpdk_port.cc)
    set_source_files_properties(posix/dpdk_library.cc posix/dpdk_net.cc posix/dpdk_port.cc PROPERTIES
      COMPILE_OPTIONS "-isystem;${DPDK_CONFIG_HEADER};-isystem;${DPDK_HEADER}")
    target_compile_definitions(lkl_devices PUBLIC LKL_HAVE_DPDK)
  endif()
  if(XDP_FOUND)
    # the same
    target_sources(lkl_devices PRIVATE posix/xdp_net.cc)
    target_compile_definitions(lkl_devices PUBLIC LKL_HAVE_XDP)
  endif()
  if(SLIRP_FOUND)
    # the same
    target_sources(lkl_devices PRIVATE
      posix/slirp_library.cc posix/slirp_net.cc posix/slirp_words.cc)
    target_compile_definitions(lkl_devices PUBLIC LKL_HAVE_SLIRP)
  endif()
  if(URING_FOUND)
    target_sources(lkl_devices PRIVATE posix/uring.cc)
    target_compile_definitions(lkl_devices PUBLIC LKL_HAVE_URING)
    target_link_libraries(lkl_devices PRIVATE PkgConfig::URING)
  endif()
  if(VDE_INCLUDE_DIR)
    # the same
    target_sources(lkl_devices PRIVATE posix/vde_net.cc)
    target_compile_definitions(lkl_devices PUBLIC LKL_HAVE_VDE)
  endif()
endmacro()
