# SPDX-License-Identifier: GPL-2.0
add_library(lkl_devices OBJECT
  block/memory_backend.cc block/open.cc block/overlay_backend.cc block/space_wait.cc
  config/json_tree.cc config/read_config.cc config/value_check.cc
  io/event_loop.cc
  nearest.cc
  net/cannot_open.cc net/capture.cc net/frame_ring.cc net/impaired_net.cc net/impairments.cc net/open.cc net/segments.cc
  net/stream_frames.cc net/uri.cc
  netconf/dhcp_message.cc netconf/domain_names.cc netconf/ip_text.cc netconf/router_options.cc
  netconf/udp_packet.cc
  posix/capture_file.cc posix/datagram_net.cc posix/descriptor.cc posix/event_loop.cc posix/file_backend.cc
  posix/file_source.cc posix/helper_program.cc posix/host_image.cc posix/host_loop.cc posix/interface.cc
  posix/macvtap.cc posix/packet_net.cc posix/passt_net.cc posix/perform.cc posix/pipe_net.cc posix/raw_net.cc
  posix/ready_set.cc posix/scratch_file.cc posix/shared_address.cc posix/side_stack.cc posix/socket_address.cc posix/socket_net.cc
  posix/stream_net.cc posix/stream_peers.cc posix/switch_place.cc posix/switch_port.cc posix/valgrind.cc
  posix/timer_descriptor.cc posix/wakeup.cc posix/wire_events.cc posix/worker_pool.cc
  virtio/blk.cc virtio/bus.cc virtio/mmio.cc virtio/net.cc virtio/net_receiver.cc virtio/net_sender.cc
  virtio/queue.cc)
if(NBD_FOUND)
  # loaded when it is needed: only its header is
  target_sources(lkl_devices PRIVATE block/nbd_client.cc)
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
target_include_directories(lkl_devices PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
# struct lkl_config, which is of C
target_include_directories(lkl_devices PRIVATE ${CMAKE_SOURCE_DIR}/include ${LKL_API_INCLUDE_DIR})
add_dependencies(lkl_devices lkl_api)
target_link_libraries(lkl_devices PUBLIC lkl_seam PRIVATE nlohmann_json::nlohmann_json)
set_target_properties(lkl_devices PROPERTIES
  POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
