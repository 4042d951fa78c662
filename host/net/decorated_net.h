// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <memory>
#include <utility>

#include "net/backend.h"

namespace lkl::host {

// A wire with something around it. All that is not said otherwise is as the wire has it.
class DecoratedNet : public NetBackend {
 public:
  bool has_header() const override { return wire_->has_header(); }
  NetOffloads offloads() const override { return wire_->offloads(); }
  int accept(const NetOffloads& offloads) override { return wire_->accept(offloads); }
  size_t longest_frame(unsigned mtu) const override { return wire_->longest_frame(mtu); }
  std::array<uint8_t, 6> mac() const override { return wire_->mac(); }
  uint16_t mtu() const override { return wire_->mtu(); }
  bool has_link() const override { return wire_->has_link(); }
  HostForwards* host_forwards() override { return wire_->host_forwards(); }
  unsigned queues() const override { return wire_->queues(); }
  int use_queues(unsigned count) override { return wire_->use_queues(count); }
  int in(unsigned queue) const override { return wire_->in(queue); }
  int out(unsigned queue) const override { return wire_->out(queue); }

 protected:
  explicit DecoratedNet(std::unique_ptr<NetBackend> wire) : wire_(std::move(wire)) {}

  const std::unique_ptr<NetBackend> wire_;
};

}  // namespace lkl::host
