// SPDX-License-Identifier: GPL-2.0
//
// Who a program is in our kernel, and in which of its networks: that is what a thread of ours is
// while it does something for the program.
#ifndef LKL_TOOL_RUN_GUEST_USER_H
#define LKL_TOOL_RUN_GUEST_USER_H

#include <string>
#include <vector>

namespace lkl::tool::served {

struct GuestNamespace {
  int descriptor = -1;  // of our kernel
  std::string sysfs;    // where it is mounted there
};

// The numbers are the host's.
struct GuestUser {
  unsigned user = 0, group = 0;
  std::vector<unsigned> groups = {};
  // All capabilities. Whoever owns the kernel has them, whatever his number is.
  bool all_rights = true;

  bool operator==(const GuestUser&) const = default;
};

// Who has started us. The kernel is his.
GuestUser user_of_process();
// Who has connected himself to this socket of the host's. He has rights if he is who has started
// us. Throws std::system_error.
GuestUser user_of_peer(int socket);

// What the calling thread does in our kernel from now on is done by this user; sockets that it
// makes, and files of the network that it opens, are of this network. Throws Failure, with which
// the thread is not to go on.
void act_as(const GuestNamespace& network, const GuestUser& user);
// The user that a thread begins as: root.
inline void act_as_root(const GuestNamespace& network) {
  act_as(network, {});
}

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_GUEST_USER_H
