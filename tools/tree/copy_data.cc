// SPDX-License-Identifier: GPL-2.0
#include "tree/copy_data.h"

#include <algorithm>
#include <optional>

#include "base/signals.h"

namespace lkl::tool {

namespace {

// Holes are made of blocks of this size.
constexpr std::size_t kHoleBlock = 4096;

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

class Writer {
 public:
  explicit Writer(const DataEnd& to) : to_(to) {}

  void write(std::span<const std::byte> data, std::uint64_t at) {
    try {
      if (to_.stream)
        to_.tree.write_next(to_.file, data);
      else
        to_.tree.write(to_.file, data, at);
    } catch (const std::system_error& error) {
      throw WriteError(error);
    }
    end_ = at + data.size();
  }
  // In pieces of the size holes are made of, each run of non-zero ones in one write.
  void write_without_zeroes(std::span<const std::byte> data, std::uint64_t at) {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < data.size(); i += kHoleBlock) {
      if (!all_zero(data.subspan(i, std::min(kHoleBlock, data.size() - i)))) continue;
      if (i > begin) write(data.subspan(begin, i - begin), at + begin);
      begin = std::min(i + kHoleBlock, data.size());
    }
    if (begin < data.size()) write(data.subspan(begin), at + begin);
  }
  // Behind what was written only a hole may come.
  void finish(std::uint64_t size) {
    if (to_.stream || end_ >= size) return;
    try {
      to_.tree.truncate(to_.file, size);
    } catch (const std::system_error& error) {
      throw WriteError(error);
    }
  }

 private:
  const DataEnd& to_;
  std::uint64_t end_ = 0;
};

}  // namespace

void copy_data(const DataEnd& from, const DataEnd& to, std::uint64_t size, Sparse sparse,
               std::span<std::byte> buffer, Progress& progress) {
  Writer writer(to);
  // A stream has no holes; and nobody knows those of a file that does not say what it has.
  const bool whole = sparse == Sparse::kNever || from.stream || to.stream || size == 0;
  const bool zeroes = sparse != Sparse::kAlways || to.stream;
  std::uint64_t at = 0;
  for (bool more = true; more;) {
    Extent extent{at, UINT64_MAX};
    if (!whole) {
      const auto data = from.tree.next_extent(from.file, at, size);
      if (!data) break;
      extent = *data;
      // The last one is read to the end of the file, wherever that is now.
      if (extent.end >= size) extent.end = UINT64_MAX;
    }
    progress.add_bytes(extent.begin - at);
    for (at = extent.begin; at < extent.end;) {
      check_interrupted();
      const auto want =
          static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), extent.end - at));
      const std::span<std::byte> chunk = buffer.first(want);
      const std::size_t n = from.stream ? from.tree.read_next(from.file, chunk)
                                        : from.tree.read(from.file, chunk, at);
      if (n == 0) {
        more = false;
        size = at;
        break;
      }
      if (zeroes)
        writer.write(chunk.first(n), at);
      else
        writer.write_without_zeroes(chunk.first(n), at);
      at += n;
      progress.add_bytes(n);
    }
  }
  writer.finish(size);
}

}  // namespace lkl::tool
