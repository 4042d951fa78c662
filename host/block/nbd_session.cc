// SPDX-License-Identifier: GPL-2.0
#include "block/nbd_session.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "block/nbd_greeting.h"
#include "block/nbd_wire.h"

namespace lkl::host {
namespace {

using nbd::big_endian;

// Of what one read gets in any order: more, and the server plays with us.
constexpr size_t kMostPieces = 1024;

// The numbers of Linux, on the wire.
int errno_of_wire(uint32_t error) {
  switch (error) {
    case 0:
      return 0;
    case 1:
      return -EPERM;
    case 12:
      return -ENOMEM;
    case 22:
      return -EINVAL;
    case 28:
      return -ENOSPC;
    case 95:
      return -EOPNOTSUPP;
    default:
      return -EIO;
  }
}

uint16_t type_of(BlockOp op) {
  switch (op) {
    case BlockOp::kRead:
      return nbd::kRead;
    case BlockOp::kWrite:
      return nbd::kWrite;
    case BlockOp::kFlush:
      return nbd::kFlush;
    case BlockOp::kDiscard:
      return nbd::kTrim;
    default:
      return nbd::kWriteZeroes;
  }
}

}  // namespace

// A request that was sent. But for its end, only who reads touches it.
class NbdSession::Waiting {
 public:
  explicit Waiting(const Request& asked) : request(asked) {}

  bool reads() const { return request.op == BlockOp::kRead; }
  // Whether this stretch may come: it is of what was asked for, and did not come before.
  bool expects(uint64_t offset, uint64_t length);
  bool complete() const {
    return pieces_.size() == 1 && pieces_.begin()->first == request.offset &&
           pieces_.begin()->second == request.offset + request.length;
  }
  // Calls take(to, length) for each piece of the caller's memory, until that is not 0.
  template <typename Take>
  int each(uint64_t offset, uint64_t length, Take take) const;

  const Request& request;
  int error = 0;  // of the first chunk that has one
  bool ended = false;

 private:
  std::map<uint64_t, uint64_t> pieces_;  // that have come: where each begins and ends
};

bool NbdSession::Waiting::expects(uint64_t offset, uint64_t length) {
  if (length == 0 || offset < request.offset || length > request.length ||
      offset - request.offset > request.length - length)
    return false;
  uint64_t end = offset + length;
  auto next = pieces_.lower_bound(offset);
  if (next != pieces_.end() && next->first < end) return false;
  if (next != pieces_.begin()) {
    const auto before = std::prev(next);
    if (before->second > offset) return false;
    if (before->second == offset) offset = before->first;
  }
  if (next != pieces_.end() && next->first == end) {
    end = next->second;
    pieces_.erase(next);
  }
  pieces_[offset] = end;
  return pieces_.size() <= kMostPieces;
}

template <typename Take>
int NbdSession::Waiting::each(uint64_t offset, uint64_t length, Take take) const {
  uint64_t skip = offset - request.offset;
  for (const IoVec& part : request.vector) {
    if (length == 0) break;
    if (skip >= part.size) {
      skip -= part.size;
      continue;
    }
    const size_t size = std::min<uint64_t>(part.size - skip, length);
    if (const int error = take(static_cast<std::byte*>(part.base) + skip, size)) return error;
    length -= size;
    skip = 0;
  }
  return 0;
}

int NbdSession::begin(std::unique_ptr<ByteStream> stream, const std::string& name,
                      std::unique_ptr<NbdClient>& result) {
  std::unique_ptr<NbdSession> session(new NbdSession(std::move(stream)));
  if (const int error = greet_nbd_server(*session->stream_, name, session->traits_,
                                         session->structured_replies_)) {
    session->failure_ = error;
    return error;
  }
  result = std::move(session);
  return 0;
}

NbdSession::~NbdSession() {
  if (failure_ == 0) {
    const nbd::Request good_bye = {.magic = big_endian(nbd::kRequestMagic),
                                   .flags = 0,
                                   .type = big_endian(nbd::kDisconnect),
                                   .cookie = 0,
                                   .offset = 0,
                                   .length = 0};
    stream_->send(&good_bye, sizeof good_bye);
  }
  stream_->shut_down();
}

int NbdSession::ask(const Request& request) {
  Waiting waiting(request);
  uint64_t cookie;
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return failure_;
    cookie = next_cookie_++;
    waiting_.emplace(cookie, &waiting);
  }
  // What fails here ends this request too.
  if (const int error = send(request, cookie)) fail(error);
  return wait_for(waiting);
}

int NbdSession::send(const Request& request, uint64_t cookie) {
  const bool keeps_room = request.op == BlockOp::kWriteZeroes && !request.unmap;
  nbd::Request head = {.magic = big_endian(nbd::kRequestMagic),
                       .flags = big_endian<uint16_t>(keeps_room ? nbd::kNoHole : 0),
                       .type = big_endian(type_of(request.op)),
                       .cookie = big_endian(cookie),
                       .offset = big_endian(request.offset),
                       .length = big_endian(static_cast<uint32_t>(request.length))};
  std::array<IoVec, 16> parts = {{{.base = &head, .size = sizeof head}}};
  size_t count = 1;
  const std::lock_guard lock(sending_);
  if (request.op == BlockOp::kWrite)
    for (const IoVec& part : request.vector) {
      if (count == parts.size()) {
        if (const int error = stream_->send(parts)) return error;
        count = 0;
      }
      parts[count++] = part;
    }
  return stream_->send(std::span(parts).first(count));
}

int NbdSession::wait_for(Waiting& waiting) {
  std::unique_lock lock(mutex_);
  while (!waiting.ended) {
    if (somebody_reads_) {
      answered_.wait(lock);
      continue;
    }
    somebody_reads_ = true;
    lock.unlock();
    const int error = receive_one();
    if (error) fail(error);
    lock.lock();
    somebody_reads_ = false;
    if (failure_)  // nobody reads into its memory any more
      for (auto& [cookie, other] : std::exchange(waiting_, {})) {
        other->error = failure_;
        other->ended = true;
      }
    answered_.notify_all();
  }
  return waiting.error;
}

NbdSession::Waiting* NbdSession::find(uint64_t cookie) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(cookie);
  return found == waiting_.end() ? nullptr : found->second;
}

void NbdSession::end(uint64_t cookie, int error) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(cookie);
  if (error) found->second->error = error;
  found->second->ended = true;
  waiting_.erase(found);
}

// Who reads, or is the next to, tells all who wait.
void NbdSession::fail(int error) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_ == 0) failure_ = error;
  }
  stream_->shut_down();
}

int NbdSession::receive_one() {
  uint32_t magic;
  if (const int error = stream_->receive(reinterpret_cast<std::byte*>(&magic), sizeof magic))
    return error;
  switch (big_endian(magic)) {
    case nbd::kSimpleMagic:
      return receive_simple();
    case nbd::kStructuredMagic:
      return structured_replies_ ? receive_chunk() : -EPROTO;
    default:
      return -EPROTO;
  }
}

int NbdSession::receive_simple() {
  nbd::SimpleReply reply;
  if (const int error = stream_->receive(reinterpret_cast<std::byte*>(&reply), sizeof reply))
    return error;
  const uint64_t cookie = big_endian<uint64_t>(reply.cookie);
  Waiting* const waiting = find(cookie);
  if (!waiting) return -EPROTO;
  const int error = errno_of_wire(big_endian<uint32_t>(reply.error));
  if (waiting->reads() && error == 0) {
    // whoever has promised chunks has to send chunks
    if (structured_replies_) return -EPROTO;
    const int failed =
        waiting->each(waiting->request.offset, waiting->request.length,
                      [&](std::byte* to, size_t size) { return stream_->receive(to, size); });
    if (failed) return failed;
  }
  end(cookie, error);
  return 0;
}

int NbdSession::receive_chunk() {
  nbd::Chunk chunk;
  if (const int error = stream_->receive(reinterpret_cast<std::byte*>(&chunk), sizeof chunk))
    return error;
  const uint16_t type = big_endian<uint16_t>(chunk.type);
  const uint32_t length = big_endian<uint32_t>(chunk.length);
  const uint64_t cookie = big_endian<uint64_t>(chunk.cookie);
  const bool last = big_endian<uint16_t>(chunk.flags) & nbd::kDone;
  Waiting* const waiting = find(cookie);
  if (!waiting) return -EPROTO;
  int error = -EPROTO;
  if (type & nbd::kChunkErrorBit)
    error = receive_error(*waiting, length);
  else if (type == nbd::kChunkNone)
    error = length == 0 && last ? 0 : -EPROTO;
  else if (type == nbd::kChunkData && waiting->reads())
    error = receive_data(*waiting, length);
  else if (type == nbd::kChunkHole && waiting->reads())
    error = receive_hole(*waiting, length);
  if (error || !last) return error;
  if (waiting->reads() && waiting->error == 0 && !waiting->complete()) return -EPROTO;
  end(cookie, 0);
  return 0;
}

int NbdSession::receive_data(Waiting& waiting, uint32_t length) {
  uint64_t offset;
  if (length <= sizeof offset) return -EPROTO;
  if (const int error = stream_->receive(reinterpret_cast<std::byte*>(&offset), sizeof offset))
    return error;
  offset = big_endian(offset);
  length -= static_cast<uint32_t>(sizeof offset);
  if (!waiting.expects(offset, length)) return -EPROTO;
  return waiting.each(offset, length,
                      [&](std::byte* to, size_t size) { return stream_->receive(to, size); });
}

int NbdSession::receive_hole(Waiting& waiting, uint32_t length) {
  nbd::Hole hole;
  if (length != sizeof hole) return -EPROTO;
  if (const int error = stream_->receive(reinterpret_cast<std::byte*>(&hole), sizeof hole))
    return error;
  const uint64_t offset = big_endian<uint64_t>(hole.offset);
  const uint64_t size = big_endian<uint32_t>(hole.length);
  if (!waiting.expects(offset, size)) return -EPROTO;
  return waiting.each(offset, size, [](std::byte* to, size_t part) {
    std::memset(to, 0, part);
    return 0;
  });
}

int NbdSession::receive_error(Waiting& waiting, uint32_t length) {
  nbd::ErrorChunk chunk;
  if (length < sizeof chunk || length > sizeof chunk + UINT16_MAX + sizeof(uint64_t))
    return -EPROTO;
  if (const int error = stream_->receive(reinterpret_cast<std::byte*>(&chunk), sizeof chunk))
    return error;
  length -= static_cast<uint32_t>(sizeof chunk);
  const int error = errno_of_wire(big_endian<uint32_t>(chunk.error));
  if (error == 0 || big_endian<uint16_t>(chunk.text_length) > length) return -EPROTO;
  if (waiting.error == 0) waiting.error = error;
  return skip(length);
}

int NbdSession::skip(uint64_t length) {
  std::array<std::byte, 512> nothing;
  while (length > 0) {
    const size_t part = std::min<uint64_t>(length, nothing.size());
    if (const int error = stream_->receive(nothing.data(), part)) return error;
    length -= part;
  }
  return 0;
}

}  // namespace lkl::host
