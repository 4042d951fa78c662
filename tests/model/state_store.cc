// SPDX-License-Identifier: GPL-2.0
#include "state_store.h"

#include <algorithm>
#include <cstring>

namespace model {
namespace {

constexpr size_t kChunk = size_t{1} << 20;
constexpr size_t kFirstTable = 1024;  // a power of 2, like all tables

uint64_t hash_of(std::span<const std::byte> bytes) {
  uint64_t hash = bytes.size() + 0x9e3779b97f4a7c15;
  while (!bytes.empty()) {
    uint64_t word = 0;
    const size_t n = std::min(bytes.size(), sizeof word);
    std::memcpy(&word, bytes.data(), n);
    hash = (hash ^ word) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
    bytes = bytes.subspan(n);
  }
  return hash;
}

}  // namespace

PartStore::PartStore() : table_(kFirstTable) {}

uint32_t PartStore::number_of(Bytes part) {
  const uint64_t hash = hash_of(part);
  const size_t mask = table_.size() - 1;
  size_t at = hash & mask;
  for (; table_[at]; at = (at + 1) & mask) {
    const Part& known = parts_[table_[at] - 1];
    if (known.hash == hash && same_bytes(part, {known.data, known.size})) return table_[at] - 1;
  }
  parts_.push_back({keep(part), part.size(), hash});
  table_[at] = static_cast<uint32_t>(parts_.size());
  if (parts_.size() * 2 > table_.size()) grow();
  return static_cast<uint32_t>(parts_.size() - 1);
}

const std::byte* PartStore::keep(Bytes part) {
  const size_t size = std::max(kChunk, part.size());
  if (chunks_.empty() || chunk_used_ + part.size() > kChunk) {
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(size));
    chunk_used_ = 0;
  }
  std::byte* place = chunks_.back().get() + chunk_used_;
  std::memcpy(place, part.data(), part.size());
  chunk_used_ += part.size();
  return place;
}

void PartStore::grow() {
  std::vector<uint32_t> table(table_.size() * 2);
  for (uint32_t number = 0; number < parts_.size(); ++number) {
    size_t at = parts_[number].hash & (table.size() - 1);
    while (table[at]) at = (at + 1) & (table.size() - 1);
    table[at] = number + 1;
  }
  table_.swap(table);
}

StateStore::StateStore(size_t width) : width_(width), table_(kFirstTable) {}

StateStore::Found StateStore::insert(Tuple tuple) {
  const size_t mask = table_.size() - 1;
  size_t at = hash_of(std::as_bytes(tuple)) & mask;
  for (; table_[at]; at = (at + 1) & mask)
    if (same_bytes(std::as_bytes((*this)[table_[at] - 1]), std::as_bytes(tuple)))
      return {table_[at] - 1, false};
  tuples_.insert(tuples_.end(), tuple.begin(), tuple.end());
  table_[at] = ++count_;
  if (size_t{count_} * 2 > table_.size()) grow();
  return {count_ - 1, true};
}

void StateStore::grow() {
  std::vector<uint32_t> table(table_.size() * 2);
  for (uint32_t number = 0; number < count_; ++number) {
    size_t at = hash_of(std::as_bytes((*this)[number])) & (table.size() - 1);
    while (table[at]) at = (at + 1) & (table.size() - 1);
    table[at] = number + 1;
  }
  table_.swap(table);
}

}  // namespace model
