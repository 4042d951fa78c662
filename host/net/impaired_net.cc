// SPDX-License-Identifier: GPL-2.0
#include "net/impaired_net.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/segments.h"
#include "net/vector.h"

namespace lkl::host {
namespace {

constexpr size_t kPlace = (NetBackend::kHeaderSize + NetBackend::kMaxSegment + 63) & ~size_t{63};
constexpr size_t kEthernetHeader = 14;

}  // namespace

ImpairedNet::ImpairedNet(std::unique_ptr<NetBackend> wire, const Impairments& impairments)
    : DecoratedNet(std::move(wire)), impairments_(impairments), whole_(kPlace), cut_(kPlace) {
  waiting_.reserve(impairments_.limit);
  free_.reserve(impairments_.limit);
  // the first ones are used most, so that others are never touched
  for (auto i = static_cast<uint32_t>(impairments_.limit); i-- > 0;) free_.push_back(i);
}

ImpairedNet::~ImpairedNet() {
  if (memory_) release_memory(memory_, impairments_.limit * kPlace);
}

int ImpairedNet::make(std::unique_ptr<NetBackend> wire, const Impairments& impairments,
                      std::unique_ptr<NetBackend>& result) {
  if (wire->offloads().uso && wire->accept(without_uso(wire->offloads())) != 0) return -EOPNOTSUPP;
  std::unique_ptr<ImpairedNet> made(new ImpairedNet(std::move(wire), impairments));
  made->memory_ = static_cast<std::byte*>(reserve_memory(impairments.limit * kPlace, 4096));
  if (!made->memory_) return -ENOMEM;
  if (const int error = made->ready_.open(made->wire_->in(0), made->wire_->out(0))) return error;
  result = std::move(made);
  return 0;
}

std::byte* ImpairedNet::place(uint32_t which) const {
  return memory_ + which * kPlace;
}

int ImpairedNet::send(unsigned, std::span<const IoVec> frame) {
  const size_t size = size_of(frame);
  if (size > kPlace) return -EMSGSIZE;
  const std::lock_guard lock(mutex_);
  const uint64_t now = monotonic_ns();
  copy_from(frame, 0, whole_);
  const std::span<std::byte> whole(whole_.data(), size);
  if (has_header()) {
    Segments segments(whole);
    while (const size_t cut = segments.next(cut_)) put_on_wire(std::span(cut_).first(cut), now);
  } else {
    put_on_wire(whole, now);
  }
  send_due(now);
  return 0;
}

void ImpairedNet::put_on_wire(std::span<std::byte> frame, uint64_t now) {
  const Fate fate = fate_of(impairments_, number_++, lost_);
  lost_ = fate.lost;
  if (fate.lost && !fate.duplicated) return;
  if (fate.corrupted) corrupt(frame, fate.where);
  for (int copies = fate.duplicated && !fate.lost ? 2 : 1; copies > 0; --copies) {
    if (free_.empty()) return;
    uint64_t due = now;
    if (impairments_.rate) {
      const size_t bytes = frame.size() - (has_header() ? kHeaderSize : 0);
      free_at_ = std::max(now, free_at_) + bytes * 1'000'000'000 / impairments_.rate;
      due = free_at_;
    }
    if (!fate.at_once) due += fate.delay_ns;
    queue(frame, due);
  }
}

void ImpairedNet::queue(std::span<const std::byte> frame, uint64_t due_ns) {
  const uint32_t which = free_.back();
  free_.pop_back();
  std::ranges::copy(frame, place(which));
  waiting_.push_back({.due_ns = due_ns,
                      .number = order_++,
                      .place = which,
                      .size = static_cast<uint32_t>(frame.size())});
  std::push_heap(waiting_.begin(), waiting_.end());
}

// One bit behind the Ethernet header. Whoever takes the frame has to see that: its checksum is made
// before.
void ImpairedNet::corrupt(std::span<std::byte> frame, uint64_t where) const {
  if (has_header()) {
    complete_checksum(frame);
    frame = frame.subspan(kHeaderSize);
  }
  if (frame.size() <= kEthernetHeader) return;
  frame = frame.subspan(kEthernetHeader);
  const uint64_t bit = where % (frame.size() * 8);
  frame[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
}

void ImpairedNet::send_due(uint64_t now) {
  if (std::exchange(no_room_, false)) ready_.want_room(false);
  while (!waiting_.empty() && waiting_.front().due_ns <= now) {
    const Waiting& next = waiting_.front();
    const IoVec frame = {.base = place(next.place), .size = next.size};
    // other errors: it is lost, as on any wire
    if (wire_->send(0, std::span(&frame, 1)) == -EAGAIN) {
      no_room_ = true;
      ready_.want_room(true);
      break;
    }
    free_.push_back(next.place);
    std::pop_heap(waiting_.begin(), waiting_.end());
    waiting_.pop_back();
  }
  set_alarm();
}

void ImpairedNet::set_alarm() {
  const uint64_t next = waiting_.empty() || no_room_ ? UINT64_MAX : waiting_.front().due_ns;
  if (next == alarm_) return;
  alarm_ = next;
  ready_.set_alarm(next);
}

int64_t ImpairedNet::receive(unsigned queue, std::span<const IoVec> room) {
  {
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty() || no_room_) {
      const uint64_t now = monotonic_ns();
      if (no_room_ || waiting_.front().due_ns <= now) send_due(now);
    }
  }
  return wire_->receive(queue, room);
}

}  // namespace lkl::host
