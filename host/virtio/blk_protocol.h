// SPDX-License-Identifier: GPL-2.0
// What a driver and a block device say to each other: virtio 1.2, section 5.2. The structures are
// little endian in memory, as all hosts are that we have.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace lkl::host {

static_assert(std::endian::native == std::endian::little);

// Section 5.2.3.
namespace blk_feature {
inline constexpr unsigned kSizeMax = 1;
inline constexpr unsigned kSegMax = 2;
inline constexpr unsigned kReadOnly = 5;
inline constexpr unsigned kBlockSize = 6;
inline constexpr unsigned kFlush = 9;
inline constexpr unsigned kTopology = 10;
inline constexpr unsigned kMultiQueue = 12;
inline constexpr unsigned kDiscard = 13;
inline constexpr unsigned kWriteZeroes = 14;
}  // namespace blk_feature

// Section 5.2.4. The driver only reads it.
struct BlkConfig {
  uint64_t capacity;  // sectors of 512 bytes
  uint32_t size_max;
  uint32_t seg_max;
  uint16_t cylinders;
  uint8_t heads;
  uint8_t sectors;
  uint32_t blk_size;
  uint8_t physical_block_exp;
  uint8_t alignment_offset;
  uint16_t min_io_size;
  uint32_t opt_io_size;
  uint8_t writeback;
  uint8_t unused;
  uint16_t num_queues;
  uint32_t max_discard_sectors;
  uint32_t max_discard_seg;
  uint32_t discard_sector_alignment;
  uint32_t max_write_zeroes_sectors;
  uint32_t max_write_zeroes_seg;
  uint8_t write_zeroes_may_unmap;
  uint8_t padding[7];
};
static_assert(offsetof(BlkConfig, blk_size) == 20 && offsetof(BlkConfig, num_queues) == 34 &&
              offsetof(BlkConfig, write_zeroes_may_unmap) == 56 && sizeof(BlkConfig) == 64);

// Section 5.2.6.
namespace blk_request {
inline constexpr uint32_t kIn = 0;
inline constexpr uint32_t kOut = 1;
inline constexpr uint32_t kFlush = 4;
inline constexpr uint32_t kGetId = 8;
inline constexpr uint32_t kDiscard = 11;
inline constexpr uint32_t kWriteZeroes = 13;
}  // namespace blk_request

namespace blk_status {
inline constexpr uint8_t kOk = 0;
inline constexpr uint8_t kIoError = 1;
inline constexpr uint8_t kUnsupported = 2;
}  // namespace blk_status

struct BlkRequestHeader {
  uint32_t type;
  uint32_t reserved;
  uint64_t sector;
};

// Of kDiscard and kWriteZeroes.
struct BlkRange {
  static constexpr uint32_t kUnmap = 1;

  uint64_t sector;
  uint32_t num_sectors;
  uint32_t flags;
};

// Bytes that kGetId answers with.
inline constexpr unsigned kBlkIdLength = 20;

}  // namespace lkl::host
