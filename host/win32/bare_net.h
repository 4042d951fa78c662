// SPDX-License-Identifier: GPL-2.0
// A wire of frames as they are on a cable: no header says what is left to be done with them. What
// it waits for are signals.
#pragma once

#include "net/backend.h"
#include "win32/signal.h"

namespace lkl::host {

class BareNet : public NetBackend {
 public:
  bool has_header() const override { return false; }
  NetOffloads offloads() const override { return {}; }
  int accept(const NetOffloads&) override { return 0; }
  size_t longest_frame(unsigned mtu) const override { return mtu + kEthernetSize; }
  int in(unsigned) const override { return in_.number(); }
  int out(unsigned) const override { return out_.number(); }

 protected:
  Signal in_, out_;
};

}  // namespace lkl::host
