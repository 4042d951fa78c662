// SPDX-License-Identifier: GPL-2.0
// Numbers and messages of the NBD protocol
// (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md). All are big-endian.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace lkl::host::nbd {

// ---- greeting ----
inline constexpr uint64_t kMagic = 0x4e42444d41474943, kOptionMagic = 0x49484156454f5054;
inline constexpr uint64_t kOptionReplyMagic = 0x3e889045565a9;
inline constexpr uint16_t kFixedNewStyle = 1, kNoZeroes = 2;  // flags of both
inline constexpr uint32_t kOptionExportName = 1, kOptionGo = 7, kOptionStructuredReply = 8;
inline constexpr uint32_t kAck = 1, kInfo = 3, kErrorBit = 1U << 31;
inline constexpr uint32_t kErrorUnsupported = kErrorBit | 1, kErrorPolicy = kErrorBit | 2,
                          kErrorPlatform = kErrorBit | 4, kErrorTls = kErrorBit | 5,
                          kErrorUnknown = kErrorBit | 6, kErrorShutdown = kErrorBit | 7;
inline constexpr uint16_t kInfoExport = 0, kInfoBlockSize = 3;
// Of the export.
inline constexpr uint16_t kHasFlags = 1, kReadOnly = 2, kSendsFlush = 4, kSendsTrim = 32,
                          kSendsZeroes = 64;

// ---- requests ----
inline constexpr uint32_t kRequestMagic = 0x25609513;
inline constexpr uint32_t kSimpleMagic = 0x67446698, kStructuredMagic = 0x668e33ef;
inline constexpr uint16_t kRead = 0, kWrite = 1, kDisconnect = 2, kFlush = 3, kTrim = 4,
                          kWriteZeroes = 6;
inline constexpr uint16_t kNoHole = 2;  // flag of kWriteZeroes
inline constexpr uint16_t kDone = 1;    // flag of a chunk: the last one
inline constexpr uint16_t kChunkNone = 0, kChunkData = 1, kChunkHole = 2, kChunkErrorBit = 1 << 15;

// As it is on the wire, and back.
template <typename Number>
Number big_endian(Number value) {
  static_assert(std::is_unsigned_v<Number> && std::endian::native == std::endian::little);
  if constexpr (sizeof(Number) == 8)
    return __builtin_bswap64(value);
  else if constexpr (sizeof(Number) == 4)
    return __builtin_bswap32(value);
  else
    return __builtin_bswap16(value);
}

struct [[gnu::packed]] Greeting {
  uint64_t magic, option_magic;
  uint16_t flags;
};
struct [[gnu::packed]] OptionRequest {
  uint64_t magic;
  uint32_t option, length;
};
struct [[gnu::packed]] OptionReply {
  uint64_t magic;
  uint32_t option, type, length;
};
struct [[gnu::packed]] ExportInfo {  // also the answer to kOptionExportName
  uint64_t size;
  uint16_t flags;
};
struct [[gnu::packed]] BlockSizeInfo {
  uint32_t least, preferred, most;
};
struct [[gnu::packed]] Request {
  uint32_t magic;
  uint16_t flags, type;
  uint64_t cookie, offset;
  uint32_t length;
};
struct [[gnu::packed]] SimpleReply {  // after its magic
  uint32_t error;
  uint64_t cookie;
};
struct [[gnu::packed]] Chunk {  // the same
  uint16_t flags, type;
  uint64_t cookie;
  uint32_t length;
};
struct [[gnu::packed]] Hole {
  uint64_t offset;
  uint32_t length;
};
struct [[gnu::packed]] ErrorChunk {
  uint32_t error;
  uint16_t text_length;
};

static_assert(sizeof(Greeting) == 18 && sizeof(OptionReply) == 20 && sizeof(Request) == 28 &&
              sizeof(Chunk) == 16 && sizeof(ErrorChunk) == 6);

}  // namespace lkl::host::nbd
