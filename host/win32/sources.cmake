# SPDX-License-Identifier: GPL-2.0
# The seam's Windows side.
set(LKL_HOST_DEVICE_SOURCES
  block/nbd_address.cc block/nbd_client.cc block/nbd_greeting.cc block/nbd_session.cc
  win32/capture_file.cc win32/descriptor.cc win32/file_backend.cc win32/file_source.cc win32/frame_stream.cc
  win32/gathering.cc win32/host_image.cc win32/host_loop.cc win32/nbd_socket.cc win32/no_net.cc win32/overlapped.cc win32/own_user.cc
  win32/path.cc win32/perform.cc win32/ready_set.cc win32/scratch_file.cc win32/signal.cc win32/single_frames.cc
  win32/socket_net.cc win32/sockets.cc win32/stream_peers.cc win32/switch_port.cc win32/tap_driver.cc win32/tap_net.cc
  win32/timer_descriptor.cc win32/windows_error.cc win32/wintun_net.cc win32/wire_port.cc)
set(LKL_HOST_SOURCES
  win32/backtrace.cc win32/clock.cc win32/console.cc win32/fault.cc win32/file.cc win32/gate.cc
  win32/host_operations.cc win32/library.cc win32/mappable_memory.cc win32/memory.cc win32/random.cc win32/thread.cc
  win32/wait.cc
  posix/pthread_operations.cc)
# Of these, what devices want when there is no kernel.
set(LKL_HOST_BASE_SOURCES
  win32/clock.cc win32/console.cc win32/file.cc win32/library.cc win32/memory.cc win32/random.cc
  win32/thread.cc win32/wait.cc)
set(LKL_HOST_SEAM ${CMAKE_CURRENT_LIST_DIR}/seam)

# In functions of the kernel's conventions the compiler knows no cleanups.
set_source_files_properties(win32/gate.cc PROPERTIES COMPILE_OPTIONS "-fno-exceptions;-Wno-array-bounds") # gs:8 is no array

macro(lkl_host_device_options)
  target_compile_definitions(lkl_devices PUBLIC LKL_HAVE_NBD)
endmacro()
