// SPDX-License-Identifier: GPL-2.0
#include "virtio/net.h"

#include <algorithm>
#include <cstring>

#include "host.h"
#include "net/vector.h"
#include "virtio/virtio.h"

namespace lkl::host {
namespace {

constexpr size_t kHeaderSize = sizeof(NetHeader);
static_assert(kHeaderSize == NetBackend::kHeaderSize);
constexpr unsigned kUsualMtu = 1500;
constexpr size_t kLongestCommand = 64;
// Frames that may be put off, to be sent at once.
constexpr unsigned kBatch = 16;

bool has(uint64_t features, unsigned feature) {
  return (features & feature_bit(feature)) != 0;
}

// What a driver with these features takes.
NetOffloads taken_by(uint64_t features) {
  return {.checksum = has(features, net_feature::kGuestChecksum),
          .tso4 = has(features, net_feature::kGuestTso4),
          .tso6 = has(features, net_feature::kGuestTso6),
          .ecn = has(features, net_feature::kGuestEcn),
          .uso = has(features, net_feature::kGuestUso4) && has(features, net_feature::kGuestUso6)};
}

}  // namespace

VirtioNet::VirtioNet(std::shared_ptr<NetBackend> backend, EventLoop& loop,
                     const VirtioNetOptions& options)
    : postponed_(loop.postponed()), backend_(std::move(backend)) {
  const unsigned count = std::clamp(backend_->queues(), 1u, NetConfig::kMaxPairs);
  NetReceiver::Owner& self = *this;
  for (unsigned i = 0; i < count; ++i)
    pairs_.push_back(std::make_unique<Pair>(*backend_, i, loop, self));
  std::ranges::copy(options.mac, config_.mac);
  config_.status = backend_->has_link() ? NetConfig::kLinkUp : 0;
  config_.max_virtqueue_pairs = static_cast<uint16_t>(count);
  config_.mtu = options.mtu;
}

uint32_t VirtioNet::id() const {
  return device_type::kNet;
}

uint64_t VirtioNet::features() const {
  uint64_t features = feature_bit(net_feature::kMac) | feature_bit(net_feature::kStatus) |
                      feature_bit(net_feature::kMergeableBuffers) |
                      feature_bit(net_feature::kCommands) | feature_bit(net_feature::kSetMac);
  if (config_.mtu) features |= feature_bit(net_feature::kMtu);
  if (pairs() > 1) features |= feature_bit(net_feature::kPairs);
  const auto both = [&](bool there, unsigned host, unsigned guest) {
    if (there) features |= feature_bit(host) | feature_bit(guest);
  };
  const NetOffloads offloads = backend_->offloads();
  both(offloads.checksum, net_feature::kChecksum, net_feature::kGuestChecksum);
  both(offloads.tso4, net_feature::kHostTso4, net_feature::kGuestTso4);
  both(offloads.tso6, net_feature::kHostTso6, net_feature::kGuestTso6);
  both(offloads.ecn, net_feature::kHostEcn, net_feature::kGuestEcn);
  both(offloads.uso, net_feature::kHostUso, net_feature::kGuestUso4);
  both(offloads.uso, net_feature::kHostUso, net_feature::kGuestUso6);
  if (offloads.checksum) features |= feature_bit(net_feature::kSetOffloads);
  return features;
}

void VirtioNet::activate(uint64_t features, std::span<VirtQueue* const> queues,
                         VirtioTransport& transport) {
  transport_ = &transport;
  const NetOffloads offloads = taken_by(features);
  // A driver that takes less than was agreed on gets what it cannot take: better nothing.
  if (!ended_ && backend_->accept(offloads) != 0) return transport.needs_reset();
  const bool several = has(features, net_feature::kPairs);
  {
    const std::lock_guard lock(command_mutex_);
    agreed_ = features;
    command_queue_ = 2 * (several ? pairs() : 1);
    command_ring_ = has(features, net_feature::kCommands) ? queues[command_queue_] : nullptr;
  }
  const size_t frame = backend_->longest_frame(config_.mtu ? config_.mtu : kUsualMtu);
  const bool segments = offloads.tso4 || offloads.tso6 || offloads.uso;
  const size_t longest =
      kHeaderSize + (segments ? std::max(frame, NetBackend::kMaxSegment) : frame);
  for (unsigned i = 0; i < (several ? pairs() : 1); ++i) {
    pairs_[i]->receiver.start(*queues[2 * i], transport,
                              has(features, net_feature::kMergeableBuffers), longest);
    pairs_[i]->sender.start(*queues[2 * i + 1], transport);
  }
  if (!ended_ && use_pairs(1) != 0) transport.needs_reset();
}

void VirtioNet::reset() {
  for (const auto& pair : pairs_)
    if (postponed_.withdraw(*pair)) pair->do_now();
  postponed_.wait_for_others();  // they may be about to raise an interrupt
  for (const auto& pair : pairs_) {
    pair->receiver.stop();
    pair->sender.stop();
  }
  const std::lock_guard lock(command_mutex_);
  command_ring_ = nullptr;
}

void VirtioNet::notify(unsigned queue) {
  if (queue == command_queue_) return serve_commands();
  if (queue / 2 >= pairs()) return;
  Pair& pair = *pairs_[queue / 2];
  if (queue % 2) {
    send(pair);
  } else {
    pair.receiver.notify();
  }
}

// A thread that sends often sends a few frames at once: whoever receives them is woken once for
// them, and not for each.
void VirtioNet::send(Pair& pair) {
  // if they are put off already there are enough of them
  if (!postponed_.withdraw(pair) && postponed_.promised()) {
    // said first: whoever sends takes it back
    pair.sender.wait_for_more(kBatch);
    if (postponed_.postpone(pair, host::monotonic_ns())) return;
  }
  pair.do_now();
}

// Frames come in by these only: the others have no buffers, or nobody who looks at them.
int VirtioNet::use_pairs(unsigned count) {
  if (const int error = backend_->use_queues(count)) return error;
  for (unsigned i = 0; i < pairs(); ++i)
    if (i < count)
      pairs_[i]->receiver.listen();
    else
      pairs_[i]->receiver.ignore();
  return 0;
}

// ---- the link ----

void VirtioNet::cut() {
  for (const auto& pair : pairs_) {
    postponed_.withdraw(*pair);
    pair->receiver.ignore();
    pair->sender.cut();
  }
  wire_ended();
}

void VirtioNet::wire_ended() {
  ended_.store(true);
  set_link(false);
}

void VirtioNet::link_changed(bool up) {
  if (!ended_) set_link(up);
}

void VirtioNet::set_link(bool up) {
  const uint16_t now = up ? NetConfig::kLinkUp : 0;
  if (std::atomic_ref(config_.status).exchange(now) != now && transport_)
    transport_->config_changed();
}

// ---- commands: section 5.1.6.5 ----

void VirtioNet::serve_commands() {
  bool interrupt = false;
  {
    const std::lock_guard lock(command_mutex_);
    if (!command_ring_) return;
    do {
      command_ring_->disable_notifications();
      while (serve_command(interrupt)) continue;
    } while (!command_ring_->broken() && !command_ring_->enable_notifications());
    if (command_ring_->broken()) transport_->needs_reset();
  }
  if (interrupt) transport_->interrupt();
}

// The next one; whether there may be another.
bool VirtioNet::serve_command(bool& interrupt) {
  Chain chain;
  if (!command_ring_->pop(room_, chain)) return false;
  if (chain.readable.empty() || size_of(chain.writable) < sizeof(uint8_t)) {
    command_ring_->give_up();
    return false;
  }
  std::array<std::byte, kLongestCommand> bytes;
  const size_t size = copy_from(chain.readable, 0, bytes);
  const auto answer = static_cast<std::byte>(!command(std::span(bytes).first(size)));
  const auto place =
      std::ranges::find_if(chain.writable, [](const IoVec& p) { return p.size > 0; });
  std::memcpy(place->base, &answer, sizeof answer);
  interrupt |= command_ring_->push(chain.head, sizeof answer);
  return true;
}

// Whether it was done.
bool VirtioNet::command(std::span<const std::byte> bytes) {
  NetCommand command;
  if (bytes.size() < sizeof command) return false;
  std::memcpy(&command, bytes.data(), sizeof command);
  bytes = bytes.subspan(sizeof command);
  const auto take = [&](auto& value) {
    if (bytes.size() != sizeof value) return false;
    std::memcpy(&value, bytes.data(), sizeof value);
    return true;
  };
  if (command == NetCommand::kSetMac) return take(config_.mac);
  if (command == NetCommand::kSetPairs && has(agreed_, net_feature::kPairs)) {
    uint16_t count;
    return take(count) && count >= 1 && count <= pairs() && use_pairs(count) == 0;
  }
  if (command == NetCommand::kSetOffloads && has(agreed_, net_feature::kSetOffloads)) {
    uint64_t wanted;
    return take(wanted) && (wanted & ~agreed_) == 0 && backend_->accept(taken_by(wanted)) == 0;
  }
  return false;
}

}  // namespace lkl::host
