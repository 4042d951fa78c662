// SPDX-License-Identifier: GPL-2.0
#include "session/commit.h"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/host_calls.h"
#include "base/signals.h"

namespace lkl::tool {

namespace {

constexpr std::size_t kChunk = 1 << 20;
constexpr std::size_t kHole = 4096;

bool is_zero(std::span<const std::byte> bytes) {
  return bytes[0] == std::byte{0} && memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

[[noreturn]] void fail(const std::string& name) {
  throw Failure(fmt::format("{}: {}", name, describe(host_error(errno))));
}

void write_all(int fd, std::span<const std::byte> bytes, std::uint64_t offset,
               const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t n = on_host::pwrite(fd, bytes, offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(name);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

// Leaves out what is zero.
void write_sparsely(int fd, std::span<const std::byte> bytes, std::uint64_t offset,
                    const std::string& name) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto piece = [&](std::size_t from) {
      return bytes.subspan(from, std::min(kHole, bytes.size() - from));
    };
    std::size_t end = at;
    while (end < bytes.size() && !is_zero(piece(end))) end += piece(end).size();
    if (end > at) write_all(fd, bytes.subspan(at, end - at), offset + at, name);
    at = end;
    if (at < bytes.size()) at += piece(at).size();
  }
}

}  // namespace

void write_raw_image(const BlockReader& disk, const HostFile& file, const std::string& name,
                     Progress& progress) {
  if (on_host::resize(file.fd(), disk.size) != 0) fail(name);
  progress.set_total(disk.size);
  progress.set_subject(name);
  std::vector<std::byte> buffer(kChunk);
  for (std::uint64_t at = 0; at < disk.size; at += kChunk) {
    check_interrupted();
    const auto chunk = std::span(buffer).first(std::min<std::uint64_t>(kChunk, disk.size - at));
    if (!disk.read(at, chunk))
      throw Failure(fmt::format("{}: the disk cannot be read at {}", name, at));
    write_sparsely(file.fd(), chunk, at, name);
    progress.add_bytes(chunk.size());
  }
  if (on_host::sync(file.fd()) != 0 && errno != EINVAL) fail(name);
}

}  // namespace lkl::tool
