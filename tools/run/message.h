// SPDX-License-Identifier: GPL-2.0
//
// A datagram with what goes with it, and how programs hand it over: recvfrom, recvmsg, recvmmsg,
// sendto, sendmsg, sendmmsg.
#ifndef LKL_TOOL_RUN_MESSAGE_H
#define LKL_TOOL_RUN_MESSAGE_H

#include <lkl.h>
#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "run/notification.h"
#include "run/program_memory.h"

namespace lkl::tool::served {

inline constexpr std::size_t kLongestName = 128, kLongestControl = 16 << 10,
                             kLongestData = 256 << 10;

// What goes with a datagram that is in a pair of the host's.
struct Envelope {
  std::vector<char> name, control;
  int flags = 0;
  std::size_t size = 0;  // of the datagram
};

struct Letter {
  Envelope envelope;
  std::vector<char> data;
};

// Room for one, reused.
struct Message {
  std::vector<char> name, control, data;
  int flags = 0;
  std::size_t size = 0;  // may be more than there is data, with MSG_TRUNC

  // Room for the largest; the sizes are set by who fills it.
  void make_room();
  Letter letter() const;
  void take(const Letter& letter);
  void take(const Envelope& envelope);
  // Of our kernel's socket; a negative error, or how long it is. `sized`: with room for just it.
  lkl_long receive(int fd, unsigned flags, bool sized = false);
  lkl_long send(int fd, unsigned flags) const;
  // Of a tunnel.
  lkl_long receive_packet(int fd);
};
// One for each thread.
Message& scratch_message();

// Where a program wants a datagram, or has one.
struct ProgramMessage {
  std::vector<iovec> parts;
  std::uint64_t name = 0, name_size_at = 0, control = 0, header = 0, length_at = 0;
  std::size_t name_room = 0, control_room = 0;

  std::size_t room() const;
};

// How many a call has: one, or the length of the vector of recvmmsg and sendmmsg.
unsigned count_messages(const Notification& call);
// MSG_* of the call.
int message_flags(const Notification& call);
// The i-th one; a negative error: EFAULT, EMSGSIZE.
int find_message(const Notification& call, unsigned index, const ProgramMemory& memory,
                 ProgramMessage& place);

// False: EFAULT. The result is what the call returns for it.
bool deliver(const Message& message, const ProgramMessage& place, bool truncation,
             const ProgramMemory& memory, long& result);
// What the program sends; a negative error.
int collect(const ProgramMessage& place, const ProgramMemory& memory, Message& message);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_MESSAGE_H
