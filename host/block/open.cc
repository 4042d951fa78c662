// SPDX-License-Identifier: GPL-2.0
#include "block/open.h"

#include <cerrno>
#include <charconv>
#include <system_error>

#include "block/host_disk.h"
#include "block/memory_backend.h"
#include "block/overlay_backend.h"
#include "descriptor.h"
#ifdef LKL_HAVE_NBD
#include "block/nbd_client.h"
#endif

namespace lkl::host {
namespace {

// What is read where nothing is written.
int open_overlay(std::unique_ptr<BlockSource> source, EventLoop& loop,
                 std::unique_ptr<BlockBackend>& backend) {
  std::unique_ptr<OverlayBackend> overlay;
  const int error = OverlayBackend::open(std::move(source), loop, overlay);
  backend = std::move(overlay);
  return error;
}

bool is_nbd(std::string_view uri) {
  for (const char* scheme : {"nbd://", "nbds://", "nbd+unix://", "nbds+unix://"})
    if (uri.starts_with(scheme)) return true;
  return false;
}

int open_nbd_backend([[maybe_unused]] const std::string& uri,
                     [[maybe_unused]] const BackendOptions& options,
                     [[maybe_unused]] EventLoop& loop,
                     [[maybe_unused]] std::unique_ptr<BlockBackend>& backend) {
  if (options.wait_for_space) return -EINVAL;
#ifdef LKL_HAVE_NBD
  std::unique_ptr<NbdClient> client;
  if (const int error = NbdClient::open(uri, client)) return error;
  if (options.snapshot) return open_overlay(std::move(client), loop, backend);
  backend = std::make_unique<NbdBackend>(std::move(client), options.read_only, loop);
  return 0;
#else
  return -EPROTONOSUPPORT;
#endif
}

// "64M" in bytes, 0 if it is none.
uint64_t parse_size(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (error != std::errc() || unit.size() > 1) return 0;
  const size_t power = unit.empty() ? 0 : std::string_view("KMGT").find(unit[0]) + 1;
  if (!unit.empty() && power == 0) return 0;
  const unsigned shift = 10 * static_cast<unsigned>(power);
  return value << shift >> shift == value ? value << shift : 0;
}

}  // namespace

int open_file_backend(int fd, const BackendOptions& options, EventLoop& loop,
                      std::unique_ptr<BlockBackend>& backend) {
  if (options.snapshot) {
    if (options.wait_for_space) return -EINVAL;
    std::unique_ptr<BlockSource> source;
    if (const int error = open_host_source(fd, options.lock, source)) return error;
    return open_overlay(std::move(source), loop, backend);
  }
  return open_host_disk(fd,
                        {.read_only = options.read_only,
                         .lock = options.lock,
                         .wait_for_space = options.wait_for_space,
                         .say = options.say},
                        loop, backend);
}

int open_memory_backend(uint64_t size, void* memory, const BackendOptions& options,
                        std::unique_ptr<BlockBackend>& backend) {
  if (options.wait_for_space || size == 0 || size % 512) return -EINVAL;
  backend = memory
                ? std::make_unique<MemoryBackend>(std::span(static_cast<std::byte*>(memory), size))
                : std::make_unique<MemoryBackend>(size);
  return 0;
}

int open_backend(const std::string& uri, const BackendOptions& options, EventLoop& loop,
                 std::unique_ptr<BlockBackend>& backend) {
  if (is_nbd(uri)) return open_nbd_backend(uri, options, loop, backend);
  if (uri.starts_with("mem:"))
    return open_memory_backend(parse_size(uri.substr(4)), nullptr, options, backend);
  const std::string path = uri.starts_with("file:") ? uri.substr(5) : uri;
  if (path == uri && uri.find("://") != std::string::npos) return -EPROTONOSUPPORT;
  const bool writable = !options.read_only && !options.snapshot;
  Descriptor file;
  if (const int error = open_file(path, writable ? Access::kReadWrite : Access::kRead, file))
    return error;
  return open_file_backend(file.get(), options, loop, backend);
}

}  // namespace lkl::host
