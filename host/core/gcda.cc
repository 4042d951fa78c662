// SPDX-License-Identifier: GPL-2.0
#include "core/gcda.h"

#include <cstdint>
#include <cstring>

namespace lkl::host {
namespace {

// gcc/gcov-io.h: words of 32 bits in the order of the machine. A header of words, then records: a
// tag, the length of what follows (in words; in bytes since gcc 12), and that.
constexpr size_t kWord = sizeof(uint32_t);
constexpr size_t kCounter = sizeof(uint64_t);
constexpr uint32_t kMagic = 0x67636461;  // "gcda"
constexpr uint32_t kFunctionTag = 0x01000000;
constexpr uint32_t kArcsTag = 0x01a10000;
constexpr uint32_t kFunctionWords = 3;

template <typename T>
T load(const std::string& data, size_t at) {
  T value;
  std::memcpy(&value, data.data() + at, sizeof value);
  return value;
}

template <typename T>
void store(std::string& data, size_t at, T value) {
  std::memcpy(data.data() + at, &value, sizeof value);
}

// Calls visit(offset) for each counter. False if this is not understood.
template <typename Visit>
bool for_each_counter(const std::string& data, Visit visit) {
  if (data.size() < 4 * kWord || load<uint32_t>(data, 0) != kMagic) return false;
  // The header's fourth word came with gcc 12, and with it lengths in bytes.
  size_t at = 3 * kWord;
  size_t unit = kWord;
  if (load<uint32_t>(data, at) != kFunctionTag) {
    at += kWord;
    unit = 1;
  }
  while (at + 2 * kWord <= data.size()) {
    const uint32_t tag = load<uint32_t>(data, at);
    const size_t length = load<uint32_t>(data, at + kWord) * unit;
    at += 2 * kWord;
    if (length > data.size() - at) return false;
    if (tag == kArcsTag) {
      if (length % kCounter != 0) return false;
      for (size_t offset = 0; offset < length; offset += kCounter) visit(at + offset);
    } else if (tag != kFunctionTag || length != kFunctionWords * kWord) {
      return false;
    }
    at += length;
  }
  return at == data.size();
}

}  // namespace

bool add_gcda(std::string& sum, const std::string& data) {
  if (sum.size() != data.size()) return false;
  // The same but for the counters?
  std::string other = data;
  std::string total = sum;
  const bool understood = for_each_counter(data, [&](size_t at) {
    store(total, at, load<uint64_t>(sum, at) + load<uint64_t>(data, at));
    store(other, at, load<uint64_t>(sum, at));
  });
  if (!understood || other != sum) return false;
  sum = std::move(total);
  return true;
}

bool gcda_has_counts(const std::string& data) {
  bool any = false;
  for_each_counter(data, [&](size_t at) { any = any || load<uint64_t>(data, at) != 0; });
  return any;
}

}  // namespace lkl::host
