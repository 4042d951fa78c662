// SPDX-License-Identifier: GPL-2.0
#include "virtio/net.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "virtio/virtio.h"

namespace lkl::host {
namespace {

constexpr size_t kHeaderSize = sizeof(NetHeader);
static_assert(kHeaderSize == NetBackend::kHeaderSize);
// Frames that are received one after the other before others have a turn.
constexpr unsigned kBurst = 64;
constexpr unsigned kUsualMtu = 1500;

size_t total(std::span<const IoVec> vector) {
  size_t sum = 0;
  for (const IoVec& part : vector) sum += part.size;
  return sum;
}

// Takes so many bytes off the front; they are there.
void skip(std::span<IoVec>& vector, size_t size) {
  while (size > 0) {
    IoVec& part = vector.front();
    const size_t count = std::min(size, part.size);
    part.base = static_cast<std::byte*>(part.base) + count;
    part.size -= count;
    size -= count;
    if (part.size == 0) vector = vector.subspan(1);
  }
}

void write_at(std::span<const IoVec> vector, size_t offset, std::span<const std::byte> bytes) {
  for (const IoVec& part : vector) {
    if (offset >= part.size) {
      offset -= part.size;
      continue;
    }
    const size_t count = std::min(bytes.size(), part.size - offset);
    std::memcpy(static_cast<std::byte*>(part.base) + offset, bytes.data(), count);
    bytes = bytes.subspan(count);
    offset = 0;
    if (bytes.empty()) return;
  }
}

}  // namespace

VirtioNet::VirtioNet(std::shared_ptr<NetBackend> backend, EventLoop& loop,
                     const VirtioNetOptions& options)
    : backend_(std::move(backend)), loop_(loop) {
  std::ranges::copy(options.mac, config_.mac);
  config_.status = NetConfig::kLinkUp;
  config_.max_virtqueue_pairs = 1;
  config_.mtu = options.mtu;
  in_.device = out_.device = this;
  in_.then = &VirtioNet::receive;
  in_.watch = {.fd = backend_->in(0), .events = kReadable, .handler = &in_};
  out_.then = &VirtioNet::send;
  out_.watch = {.fd = backend_->out(0), .events = kWritable, .handler = &out_};
}

VirtioNet::~VirtioNet() {
  loop_.cancel(in_.watch);
  loop_.cancel(out_.watch);
}

uint32_t VirtioNet::id() const {
  return device_type::kNet;
}

uint64_t VirtioNet::features() const {
  uint64_t features = feature_bit(net_feature::kMac) | feature_bit(net_feature::kStatus) |
                      feature_bit(net_feature::kMergeableBuffers);
  if (config_.mtu) features |= feature_bit(net_feature::kMtu);
  const auto both = [&](bool there, unsigned host, unsigned guest) {
    if (there) features |= feature_bit(host) | feature_bit(guest);
  };
  const NetOffloads offloads = backend_->offloads();
  both(offloads.checksum, net_feature::kChecksum, net_feature::kGuestChecksum);
  both(offloads.tso4, net_feature::kHostTso4, net_feature::kGuestTso4);
  both(offloads.tso6, net_feature::kHostTso6, net_feature::kGuestTso6);
  both(offloads.ecn, net_feature::kHostEcn, net_feature::kGuestEcn);
  return features;
}

void VirtioNet::activate(uint64_t features, std::span<VirtQueue* const> queues,
                         VirtioTransport& transport) {
  const auto has = [&](unsigned feature) { return (features & feature_bit(feature)) != 0; };
  transport_ = &transport;
  if (cut_) return;
  const NetOffloads offloads = {.checksum = has(net_feature::kGuestChecksum),
                                .tso4 = has(net_feature::kGuestTso4),
                                .tso6 = has(net_feature::kGuestTso6),
                                .ecn = has(net_feature::kGuestEcn)};
  // A driver that takes less than was agreed on gets what it cannot take: better nothing.
  if (backend_->accept(offloads) != 0) return transport.needs_reset();
  {
    const std::lock_guard lock(receive_mutex_);
    mergeable_ = has(net_feature::kMergeableBuffers);
    const size_t frame = backend_->longest_frame(config_.mtu ? config_.mtu : kUsualMtu);
    longest_ = kHeaderSize +
               (offloads.tso4 || offloads.tso6 ? std::max(frame, NetBackend::kMaxSegment) : frame);
    first_ = ready_ = 0;
    ready_size_ = 0;
    starved_ = false;
    receive_ring_ = queues[kReceive];
    receive_ring_->disable_notifications();
  }
  {
    const std::lock_guard lock(send_mutex_);
    send_ring_ = queues[kSend];
    pending_ = false;
  }
  loop_.watch(in_.watch);
}

void VirtioNet::reset() {
  // ready() may be at work, and wants the mutexes
  loop_.cancel(in_.watch);
  loop_.cancel(out_.watch);
  {
    const std::lock_guard lock(receive_mutex_);
    receive_ring_ = nullptr;
  }
  const std::lock_guard lock(send_mutex_);
  send_ring_ = nullptr;
}

void VirtioNet::notify(unsigned queue) {
  if (queue == kSend) return send();
  const std::lock_guard lock(receive_mutex_);
  if (!receive_ring_ || !starved_) return;
  starved_ = false;
  receive_ring_->disable_notifications();
  loop_.watch(in_.watch);
}

void VirtioNet::cut() {
  cut_.store(true);
  loop_.cancel(in_.watch);
  loop_.cancel(out_.watch);
  set_link_down();
}

void VirtioNet::set_link_down() {
  std::atomic_ref(config_.status).store(0);
  if (transport_) transport_->config_changed();
}

// ---- receiving ----

// Whether the buffers that are ready are enough for the longest frame, or there can be no more.
bool VirtioNet::enough_room() {
  const unsigned most = mergeable_ ? kSlots : 1;
  while (ready_size_ < longest_ && ready_ < most) {
    Slot& slot = slots_[(first_ + ready_) % kSlots];
    if (!receive_ring_->pop(slot.room, slot.chain)) return false;
    slot.size = total(slot.chain.writable);
    if (!slot.chain.readable.empty() || slot.size < kHeaderSize) {
      receive_ring_->give_up();
      return false;
    }
    ready_size_ += slot.size;
    ++ready_;
  }
  return true;
}

// The same; false, and the driver will notify, if it has to give some first.
bool VirtioNet::has_room() {
  while (!enough_room()) {
    if (receive_ring_->broken()) {
      transport_->needs_reset();
      return false;
    }
    if (receive_ring_->enable_notifications()) {
      starved_ = true;
      return false;
    }
  }
  return true;
}

// By the owner of the event loop, when there is something.
void VirtioNet::receive() {
  bool interrupt = false;
  {
    const std::lock_guard lock(receive_mutex_);
    if (!receive_ring_ || cut_) return;
    int64_t result = 1;
    for (unsigned i = 0; i < kBurst && result > 0 && has_room(); ++i)
      result = receive_one(interrupt);
    if (result <= 0 && result != -EAGAIN)
      set_link_down();
    else if (!starved_ && !receive_ring_->broken())
      loop_.watch(in_.watch);
  }
  if (interrupt) transport_->interrupt();
}

int64_t VirtioNet::receive_one(bool& interrupt) {
  size_t parts = 0;
  for (unsigned i = 0; i < ready_; ++i)
    for (const IoVec& part : slots_[(first_ + i) % kSlots].chain.writable)
      if (parts < gathered_.size() && part.size > 0) gathered_[parts++] = part;
  std::span<IoVec> room(gathered_.data(), parts);
  if (!backend_->has_header()) skip(room, kHeaderSize);
  const int64_t length = backend_->receive(0, room);
  if (length > 0)
    interrupt |= deliver(static_cast<size_t>(length) + (backend_->has_header() ? 0 : kHeaderSize));
  return length;
}

// A frame and its header are in the buffers; whether the driver wants to be interrupted for it.
bool VirtioNet::deliver(size_t length) {
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
  if (backend_->has_header())
    write_at(front, offsetof(NetHeader, buffers), bytes.last(sizeof header.buffers));
  else
    write_at(front, 0, bytes);
  first_ = (first_ + count) % kSlots;
  ready_ -= count;
  return receive_ring_->push(std::span(used).first(count));
}

// ---- sending ----

// By who notifies, or by the owner of the event loop when there is room again.
void VirtioNet::send() {
  bool interrupt = false;
  {
    const std::lock_guard lock(send_mutex_);
    if (!send_ring_) return;
    do {
      send_ring_->disable_notifications();
      while (send_one(interrupt)) continue;
    } while (!pending_ && !send_ring_->broken() && !send_ring_->enable_notifications());
    if (pending_) loop_.watch(out_.watch);
    if (send_ring_->broken()) transport_->needs_reset();
  }
  if (interrupt) transport_->interrupt();
}

// The next frame; whether there may be another one.
bool VirtioNet::send_one(bool& interrupt) {
  if (!pending_) {
    if (!send_ring_->pop(send_room_, sending_)) return false;
    if (!sending_.writable.empty() || total(sending_.readable) <= kHeaderSize) {
      send_ring_->give_up();
      return false;
    }
    if (!backend_->has_header()) skip(sending_.readable, kHeaderSize);
  }
  // what cannot be sent is lost, as on any wire
  pending_ = !cut_ && backend_->send(0, sending_.readable) == -EAGAIN;
  if (pending_) return false;
  interrupt |= send_ring_->push(sending_.head, 0);
  return true;
}

}  // namespace lkl::host
