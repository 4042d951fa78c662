# SPDX-License-Identifier: GPL-2.0
add_library(lkl_devices OBJECT
  block/memory_backend.cc block/open.cc block/overlay_backend.cc block/space_wait.cc
  config/json_tree.cc config/read_config.cc config/value_check.cc
  io/event_loop.cc io/watch_list.cc io/worker_pool.cc
  nearest.cc
  net/cannot_open.cc net/capture.cc net/frame_ring.cc net/impaired_net.cc net/impairments.cc net/ip_edge.cc net/open.cc net/segments.cc net/socket_words.cc
  net/stream_frames.cc net/uri.cc
  netconf/dhcp_message.cc netconf/domain_names.cc netconf/ip_text.cc netconf/router_options.cc
  netconf/udp_packet.cc
  virtio/blk.cc virtio/bus.cc virtio/mmio.cc virtio/net.cc virtio/net_receiver.cc virtio/net_sender.cc
  virtio/queue.cc
  ${LKL_HOST_DEVICE_SOURCES})
lkl_host_device_options()
target_include_directories(lkl_devices PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
# struct lkl_config, which is of C
target_include_directories(lkl_devices PRIVATE ${CMAKE_SOURCE_DIR}/include ${LKL_API_INCLUDE_DIR})
add_dependencies(lkl_devices lkl_api)
target_link_libraries(lkl_devices PUBLIC lkl_seam PRIVATE nlohmann_json::nlohmann_json)
set_target_properties(lkl_devices PROPERTIES
  POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
