// SPDX-License-Identifier: GPL-2.0
#include "block/nbd_client.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "host.h"

namespace lkl::host {
namespace {

// Takes the first bytes off a vector.
std::vector<IoVec> take(std::span<IoVec>& vector, uint64_t length) {
  std::vector<IoVec> taken;
  while (length > 0) {
    IoVec& first = vector.front();
    const size_t part = std::min<uint64_t>(first.size, length);
    taken.push_back({.base = first.base, .size = part});
    first.base = static_cast<std::byte*>(first.base) + part;
    first.size -= part;
    length -= part;
    if (first.size == 0) vector = vector.subspan(1);
  }
  return taken;
}

}  // namespace

int NbdClient::transfer(BlockOp op, std::span<IoVec> vector, uint64_t offset) {
  uint64_t length = 0;
  for (const IoVec& part : vector) length += part.size;
  if (length == 0) return 0;
  if (length <= traits_.most_at_once)
    return ask({.op = op, .offset = offset, .length = length, .vector = vector});
  while (length > 0) {
    const uint64_t part = std::min(length, traits_.most_at_once);
    const std::vector<IoVec> pieces = take(vector, part);
    if (const int error = ask({.op = op, .offset = offset, .length = part, .vector = pieces}))
      return error;
    offset += part;
    length -= part;
  }
  return 0;
}

int NbdClient::in_pieces(Request request) {
  const uint64_t end = request.offset + request.length;
  while (request.offset < end) {
    request.length = std::min(end - request.offset, traits_.most_at_once);
    if (const int error = ask(request)) return error;
    request.offset += request.length;
  }
  return 0;
}

int NbdClient::read(std::byte* to, size_t length, uint64_t offset) {
  IoVec all = {.base = to, .size = length};
  return transfer(BlockOp::kRead, std::span(&all, 1), offset);
}

int NbdClient::read(std::span<IoVec> to, uint64_t offset) {
  return transfer(BlockOp::kRead, to, offset);
}

int NbdClient::write(std::span<IoVec> from, uint64_t offset) {
  return transfer(BlockOp::kWrite, from, offset);
}

int NbdClient::flush() {
  return can_flush() ? ask({.op = BlockOp::kFlush}) : 0;
}

int NbdClient::trim(uint64_t length, uint64_t offset) {
  if (!can_trim()) return 0;  // a hint
  return in_pieces({.op = BlockOp::kDiscard, .offset = offset, .length = length});
}

int NbdClient::zero(uint64_t length, uint64_t offset, bool unmap) {
  if (traits_.can_zero)
    return in_pieces(
        {.op = BlockOp::kWriteZeroes, .offset = offset, .length = length, .unmap = unmap});
  static std::byte zeroes[64 << 10];  // nobody writes to it
  while (length > 0) {
    IoVec part = {.base = zeroes, .size = std::min<uint64_t>(length, sizeof zeroes)};
    const size_t size = part.size;
    if (const int error = write(std::span(&part, 1), offset)) return error;
    length -= size;
    offset += size;
  }
  return 0;
}

int64_t NbdBackend::run_blocking(BlockRequest& request) {
  if (read_only_ && request.op != BlockOp::kRead) return request.op == BlockOp::kFlush ? 0 : -EROFS;
  switch (request.op) {
    case BlockOp::kRead:
      return client_->read(request.vector, request.offset);
    case BlockOp::kWrite:
      return client_->write(request.vector, request.offset);
    case BlockOp::kFlush:
      return client_->flush();
    case BlockOp::kDiscard:
      return client_->trim(request.length, request.offset);
    case BlockOp::kWriteZeroes:
      return client_->zero(request.length, request.offset, request.unmap);
  }
  return -EOPNOTSUPP;
}

}  // namespace lkl::host
