// SPDX-License-Identifier: GPL-2.0
#include "virtio/net_sender.h"

#include <cerrno>

#include "net/vector.h"
#include "virtio/device.h"
#include "virtio/net_protocol.h"

namespace lkl::host {

NetSender::NetSender(NetBackend& backend, unsigned queue, EventLoop& loop)
    : backend_(backend), queue_(queue), loop_(loop) {
  watch_ = {.fd = backend.out(queue), .events = kWritable, .handler = this};
}

NetSender::~NetSender() {
  loop_.cancel(watch_);
}

void NetSender::start(VirtQueue& ring, VirtioTransport& transport) {
  const std::lock_guard lock(mutex_);
  ring_ = &ring;
  transport_ = &transport;
  pending_ = false;
}

void NetSender::stop() {
  loop_.cancel(watch_);  // ready() may be at work, and wants the mutex
  const std::lock_guard lock(mutex_);
  ring_ = nullptr;
}

void NetSender::cut() {
  cut_.store(true);
  loop_.cancel(watch_);
}

void NetSender::wait_for_more(unsigned frames) {
  // Waits for who is sending just now: that one would go on as long as the driver has more, and not
  // look at what comes.
  const std::lock_guard lock(mutex_);
  if (ring_) ring_->delay_notifications(frames);
}

unsigned NetSender::send() {
  bool interrupt = false;
  unsigned sent = 0;
  VirtioTransport* transport;
  {
    const std::lock_guard lock(mutex_);
    if (!ring_) return 0;
    transport = transport_;
    do {
      ring_->disable_notifications();
      while (send_one(interrupt)) ++sent;
    } while (!pending_ && !ring_->broken() && !ring_->enable_notifications());
    if (pending_) loop_.watch(watch_);
    if (ring_->broken()) transport->needs_reset();
  }
  if (interrupt) transport->interrupt();
  return sent;
}

// The next frame; whether there may be another one.
bool NetSender::send_one(bool& interrupt) {
  if (!pending_) {
    if (!ring_->pop(room_, sending_)) return false;
    if (!sending_.writable.empty() || size_of(sending_.readable) <= sizeof(NetHeader)) {
      ring_->give_up();
      return false;
    }
    if (!backend_.has_header()) skip_front(sending_.readable, sizeof(NetHeader));
  }
  // what cannot be sent is lost, as on any wire
  pending_ = !cut_ && backend_.send(queue_, sending_.readable) == -EAGAIN;
  if (pending_) return false;
  interrupt |= ring_->push(sending_.head, 0);
  return true;
}

}  // namespace lkl::host
