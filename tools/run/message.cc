// SPDX-License-Identifier: GPL-2.0
#include "run/message.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace lkl::tool::served {

namespace {

// Both kernels have the same.
static_assert(sizeof(lkl_msghdr) == sizeof(msghdr));
static_assert(offsetof(lkl_msghdr, msg_controllen) == offsetof(msghdr, msg_controllen));
static_assert(offsetof(lkl_msghdr, msg_flags) == offsetof(msghdr, msg_flags));

constexpr int kFlagsOfAnswer = MSG_EOR | MSG_TRUNC | MSG_CTRUNC | MSG_OOB | MSG_ERRQUEUE;

bool has_vector(const Notification& call) {
  return call.call == SYS_recvmmsg || call.call == SYS_sendmmsg;
}

}  // namespace

void Message::make_room() {
  name.resize(kLongestName);
  control.resize(kLongestControl);
  data.resize(kLongestData);
}

Letter Message::letter() const {
  return {{name, control, flags, size},
          {data.begin(), data.begin() + static_cast<std::ptrdiff_t>(std::min(size, data.size()))}};
}

void Message::take(const Envelope& envelope) {
  name = envelope.name;
  control = envelope.control;
  flags = envelope.flags;
  size = envelope.size;
}

void Message::take(const Letter& letter) {
  take(letter.envelope);
  data = letter.data;
}

lkl_long Message::receive(int fd, unsigned how, bool sized) {
  make_room();
  if (sized) {
    const lkl_long count = lkl_sys_recvfrom(
        fd, data.data(), 0, LKL_MSG_PEEK | LKL_MSG_TRUNC | LKL_MSG_DONTWAIT, nullptr, nullptr);
    if (count < 0) return count;
    data.resize(std::min(static_cast<std::size_t>(count), kLongestData));
  }
  lkl_iovec part = {.iov_base = data.data(), .iov_len = data.size()};
  lkl_msghdr header = {};
  header.msg_name = name.data();
  header.msg_namelen = static_cast<int>(name.size());
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const lkl_long count = lkl_sys_recvmsg(fd, &header, how | LKL_MSG_DONTWAIT | LKL_MSG_TRUNC);
  if (count < 0) return count;
  size = static_cast<std::size_t>(count);
  name.resize(static_cast<std::size_t>(std::max(0, header.msg_namelen)));
  control.resize(header.msg_controllen);
  flags = static_cast<int>(header.msg_flags) & kFlagsOfAnswer;
  return count;
}

lkl_long Message::receive_packet(int fd) {
  make_room();
  name.clear();
  control.clear();
  const lkl_long count = lkl_sys_read(static_cast<unsigned>(fd), data.data(), data.size());
  size = static_cast<std::size_t>(std::max<lkl_long>(count, 0));
  flags = 0;
  return count;
}

lkl_long Message::send(int fd, unsigned how) const {
  lkl_iovec part = {.iov_base = const_cast<char*>(data.data()), .iov_len = size};
  lkl_msghdr header = {};
  header.msg_name = name.empty() ? nullptr : const_cast<char*>(name.data());
  header.msg_namelen = static_cast<int>(name.size());
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.empty() ? nullptr : const_cast<char*>(control.data());
  header.msg_controllen = control.size();
  return lkl_sys_sendmsg(fd, &header, how | LKL_MSG_DONTWAIT | LKL_MSG_NOSIGNAL);
}

Message& scratch_message() {
  // never taken down: who serves its children does so while the process ends
  static Message& message = *new Message;
  return message;
}

std::size_t ProgramMessage::room() const {
  std::size_t room = 0;
  for (const iovec& part : parts) room += std::min<std::size_t>(part.iov_len, SSIZE_MAX - room);
  return room;
}

unsigned count_messages(const Notification& call) {
  if (!has_vector(call)) return 1;
  return std::min<unsigned>(static_cast<unsigned>(call.arguments[2]), UIO_MAXIOV);
}

int message_flags(const Notification& call) {
  const bool by_header = call.call == SYS_recvmsg || call.call == SYS_sendmsg;
  return call.number(by_header ? 2 : 3);
}

int find_message(const Notification& call, unsigned index, const ProgramMemory& memory,
                 ProgramMessage& place) {
  place = {};
  if (call.call == SYS_sendto || call.call == SYS_recvfrom) {
    place.parts = {{reinterpret_cast<void*>(call.arguments[1]), call.arguments[2]}};
    place.name = call.arguments[4];
    if (call.call == SYS_sendto) {
      place.name_room = static_cast<std::size_t>(std::max(0, call.number(5)));
    } else if (place.name != 0) {
      place.name_size_at = call.arguments[5];
      const auto room = memory.value<int>(place.name_size_at);
      if (!room) return -EFAULT;
      if (*room < 0) return -EINVAL;
      place.name_room = static_cast<std::size_t>(*room);
    }
    return 0;
  }
  place.header = call.arguments[1];
  if (has_vector(call)) {
    place.header += index * sizeof(mmsghdr);
    place.length_at = place.header + offsetof(mmsghdr, msg_len);
  }
  const auto header = memory.value<msghdr>(place.header);
  if (!header) return -EFAULT;
  if (header->msg_iovlen > UIO_MAXIOV) return -EMSGSIZE;
  if (static_cast<int>(header->msg_namelen) < 0) return -EINVAL;
  place.parts.resize(header->msg_iovlen);
  if (!place.parts.empty() && !memory.read(reinterpret_cast<std::uint64_t>(header->msg_iov),
                                           place.parts.data(), place.parts.size() * sizeof(iovec)))
    return -EFAULT;
  place.name = reinterpret_cast<std::uint64_t>(header->msg_name);
  place.name_room = place.name == 0 ? 0 : header->msg_namelen;
  place.control = reinterpret_cast<std::uint64_t>(header->msg_control);
  place.control_room = place.control == 0 ? 0 : header->msg_controllen;
  return 0;
}

bool deliver(const Message& message, const ProgramMessage& place, bool truncation,
             const ProgramMemory& memory, long& result) {
  const std::size_t room = place.room();
  const std::size_t taken = std::min({room, message.size, message.data.size()});
  result = static_cast<long>(truncation ? message.size : taken);
  if (taken != 0 && !memory.scatter(place.parts, {message.data.data(), taken})) return false;
  const std::size_t name = std::min(place.name_room, message.name.size());
  if (place.name != 0 && name != 0 && !memory.write(place.name, message.name.data(), name))
    return false;
  const auto name_size = static_cast<int>(message.name.size());
  if (place.header == 0)
    return place.name_size_at == 0 ||
           memory.write(place.name_size_at, &name_size, sizeof name_size);

  int flags = message.flags & ~MSG_TRUNC;
  if (room < message.size) flags |= MSG_TRUNC;
  // As the kernel does it: whole ones, and of the last one what there is room for.
  const std::size_t control = std::min(place.control_room, message.control.size());
  if (control < message.control.size()) flags |= MSG_CTRUNC;
  if (control != 0 && !memory.write(place.control, message.control.data(), control)) return false;
  if (place.name != 0 &&
      !memory.write(place.header + offsetof(msghdr, msg_namelen), &name_size, sizeof name_size))
    return false;
  if (!memory.write(place.header + offsetof(msghdr, msg_controllen), &control, sizeof control) ||
      !memory.write(place.header + offsetof(msghdr, msg_flags), &flags, sizeof flags))
    return false;
  const auto length = static_cast<unsigned>(result);
  return place.length_at == 0 || memory.write(place.length_at, &length, sizeof length);
}

int collect(const ProgramMessage& place, const ProgramMemory& memory, Message& message) {
  const std::size_t size = place.room();
  if (size > kLongestData) return -EMSGSIZE;
  if (place.name_room > kLongestName) return -EINVAL;
  if (place.control_room > kLongestControl) return -ENOBUFS;
  message.data.resize(kLongestData);
  message.size = size;
  message.name.resize(place.name == 0 ? 0 : place.name_room);
  message.control.resize(place.control_room);
  if ((size != 0 && !memory.gather(place.parts, {message.data.data(), size})) ||
      (!message.name.empty() &&
       !memory.read(place.name, message.name.data(), message.name.size())) ||
      (!message.control.empty() &&
       !memory.read(place.control, message.control.data(), message.control.size())))
    return -EFAULT;
  return 0;
}

}  // namespace lkl::tool::served
