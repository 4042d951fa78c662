// SPDX-License-Identifier: GPL-2.0
// How the checker remembers states. A state is a tuple of numbers, one for each of
// its parts (the stack of a thread, a region of memory); parts repeat in many states
// and are kept once. States are compared as a whole, so none is mistaken for another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

namespace model {

inline bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

// Byte strings and their numbers.
class PartStore {
 public:
  using Bytes = std::span<const std::byte>;

  PartStore();
  uint32_t number_of(Bytes part);
  Bytes operator[](uint32_t number) const { return {parts_[number].data, parts_[number].size}; }

 private:
  struct Part {
    const std::byte* data;
    size_t size;
    uint64_t hash;
  };
  const std::byte* keep(Bytes part);
  void grow();

  std::vector<Part> parts_;
  std::vector<uint32_t> table_;  // number + 1; 0: free
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  size_t chunk_used_ = 0;
};

// Tuples of one width, numbered in the order they came in.
class StateStore {
 public:
  using Tuple = std::span<const uint32_t>;
  struct Found {
    uint32_t number;
    bool is_new;
  };

  explicit StateStore(size_t width);
  Found insert(Tuple tuple);
  // Valid until the next insert().
  Tuple operator[](uint32_t number) const {
    return {tuples_.data() + size_t{number} * width_, width_};
  }
  uint32_t size() const { return count_; }

 private:
  void grow();

  const size_t width_;
  uint32_t count_ = 0;
  std::vector<uint32_t> tuples_;
  std::vector<uint32_t> table_;
};

}  // namespace model
