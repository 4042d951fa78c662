// SPDX-License-Identifier: GPL-2.0
// One route, for those of host/api that set some.
#pragma once

#include "lkl.h"

namespace lkl::host {

struct Route {
  int family = 0;
  const void* destination = nullptr;  // may be nullptr with a prefix of 0
  unsigned prefix = 0;
  const void* gateway = nullptr;  // nullptr: on the wire itself
  int ifindex = 0;                // 0: the gateway says
  unsigned table = LKL_RT_TABLE_MAIN;
  unsigned char protocol = LKL_RTPROT_BOOT;
  bool on_link = false;  // the gateway is on the wire, whatever the routes say
};

// 0 or an error.
int add_route(const Route& route);
int remove_route(const Route& route);

}  // namespace lkl::host
