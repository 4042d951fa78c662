// SPDX-License-Identifier: GPL-2.0
#include "virtio/net_receiver.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "host.h"
#include "net/vector.h"
#include "virtio/device.h"
#include "virtio/net_protocol.h"

namespace lkl::host {
namespace {

// Frames that are received one after the other before others have a turn.
constexpr unsigned kBurst = 64;
// Frames that are sent before look() looks, if it has found nothing the last times.
constexpr unsigned kPatience = 16;
// Threads that send so often look at what comes while they are at it.
constexpr uint64_t kOftenNs = 25'000;
constexpr uint64_t kWindowNs = 100'000;
constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

NetReceiver::NetReceiver(NetBackend& backend, unsigned queue, EventLoop& loop, Owner& owner)
    : backend_(backend), queue_(queue), loop_(loop), owner_(owner) {
  watch_ = {.fd = backend.in(queue), .events = kReadable, .handler = this};
}

NetReceiver::~NetReceiver() {
  loop_.cancel(watch_);
}

void NetReceiver::start(VirtQueue& ring, VirtioTransport& transport, bool mergeable,
                        size_t longest) {
  const std::lock_guard lock(mutex_);
  ring_ = &ring;
  transport_ = &transport;
  mergeable_ = mergeable;
  longest_ = longest;
  listens_ = false;
  first_ = ready_ = 0;
  ready_size_ = 0;
  starved_ = false;
  sent_ = 0;
  patience_ = 1;
  ring.disable_notifications();
}

void NetReceiver::stop() {
  loop_.cancel(watch_);  // ready() may be at work, and wants the mutex
  const std::lock_guard lock(mutex_);
  ring_ = nullptr;
}

void NetReceiver::listen() {
  const std::lock_guard lock(mutex_);
  if (!ring_ || listens_) return;
  listens_ = true;
  loop_.watch(watch_);
}

void NetReceiver::ignore() {
  loop_.cancel(watch_);  // as above
  const std::lock_guard lock(mutex_);
  listens_ = false;
}

void NetReceiver::notify() {
  const std::lock_guard lock(mutex_);
  if (!ring_ || !starved_) return;
  starved_ = false;
  ring_->disable_notifications();
  if (listens_) loop_.watch(watch_);
}

// Whether the buffers that are ready are enough for the longest frame, or there can be no more.
bool NetReceiver::enough_room() {
  const unsigned most = mergeable_ ? kSlots : 1;
  while (ready_size_ < longest_ && ready_ < most) {
    Slot& slot = slots_[(first_ + ready_) % kSlots];
    if (!ring_->pop(slot.room, slot.chain)) return false;
    slot.size = size_of(slot.chain.writable);
    if (!slot.chain.readable.empty() || slot.size < sizeof(NetHeader)) {
      ring_->give_up();
      return false;
    }
    ready_size_ += slot.size;
    ++ready_;
  }
  return true;
}

// The same; false, and the driver will notify, if it has to give some first.
bool NetReceiver::has_room() {
  while (!enough_room()) {
    if (ring_->broken()) {
      transport_->needs_reset();
      return false;
    }
    if (ring_->enable_notifications()) {
      starved_ = true;
      return false;
    }
  }
  return true;
}

void NetReceiver::ready(short) {
  std::unique_lock lock(mutex_);
  if (!ring_ || !listens_) return;
  const Burst burst = receive();
  if (!burst.ended && !starved_ && !ring_->broken()) loop_.watch(watch_);
  lock.unlock();
  tell(burst);
}

void NetReceiver::look(unsigned sent) {
  std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock || !ring_ || !listens_ || starved_) return;
  if (host::current_thread().record) sent_by_threads_.fetch_add(sent, kRelaxed);
  sent_ += sent;
  if (sent_ < patience_) return;
  sent_ = 0;
  const Burst burst = receive();
  patience_ = burst.any ? 1 : std::min(2 * patience_, kPatience);
  lock.unlock();
  tell(burst);
}

// Asked too soon it says the same again.
NetReceiver::Attention NetReceiver::attention() {
  const uint64_t now = host::monotonic_ns(), spent = now - asked_ns_;
  if (spent < kWindowNs) return attention_;
  const uint64_t sent = std::exchange(sent_before_, sent_by_threads_.load(kRelaxed));
  const uint64_t sends = sent_before_ - sent;
  asked_ns_ = now;
  return attention_ = sends * kOftenNs > spent ? Attention::kGiven : Attention::kWanted;
}

// What has come, as far as there is room for it.
NetReceiver::Burst NetReceiver::receive() {
  Burst burst = {.transport = transport_};
  int64_t result = 1;
  for (unsigned i = 0; i < kBurst && result > 0 && has_room(); ++i) {
    result = receive_one(burst.interrupt);
    burst.any |= result > 0;
  }
  burst.ended = result <= 0 && result != -EAGAIN;
  burst.up = backend_.has_link();
  return burst;
}

// Without the mutex.
void NetReceiver::tell(const Burst& burst) {
  if (burst.interrupt) burst.transport->interrupt();
  if (burst.ended)
    owner_.wire_ended();
  else
    owner_.link_changed(burst.up);
}

int64_t NetReceiver::receive_one(bool& interrupt) {
  size_t parts = 0;
  for (unsigned i = 0; i < ready_; ++i)
    for (const IoVec& part : slots_[(first_ + i) % kSlots].chain.writable)
      if (parts < gathered_.size() && part.size > 0) gathered_[parts++] = part;
  std::span<IoVec> room(gathered_.data(), parts);
  const size_t skipped = backend_.has_header() ? 0 : sizeof(NetHeader);
  skip_front(room, skipped);
  const int64_t length = backend_.receive(queue_, room);
  if (length > 0) interrupt |= deliver(static_cast<size_t>(length) + skipped);
  return length;
}

// A frame and its header are in the buffers; whether the driver wants to be interrupted for it.
bool NetReceiver::deliver(size_t length) {
  std::array<VirtQueue::Used, kSlots> used;
  unsigned count = 0;
  for (; length > 0 && count < ready_; ++count) {
    const Slot& slot = slots_[(first_ + count) % kSlots];
    const size_t taken = std::min(length, slot.size);
    used[count] = {.head = slot.chain.head, .written = static_cast<uint32_t>(taken)};
    length -= taken;
    ready_size_ -= slot.size;
  }
  NetHeader header = {};
  header.buffers = static_cast<uint16_t>(count);
  const auto bytes = std::as_bytes(std::span(&header, 1));
  const std::span<const IoVec> front = slots_[first_].chain.writable;
  if (backend_.has_header())
    copy_to(front, offsetof(NetHeader, buffers), bytes.last(sizeof header.buffers));
  else
    copy_to(front, 0, bytes);
  first_ = (first_ + count) % kSlots;
  ready_ -= count;
  return ring_->push(std::span(used).first(count));
}

}  // namespace lkl::host
