// SPDX-License-Identifier: GPL-2.0
#include "oracle.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

namespace lkl::oracle {

namespace {

const char* current = "";

}  // namespace

void begin(const char* name) {
  current = name;
}

void say(const char* what, long result) {
  if (result < 0)
    printf("%s: %s: %s\n", current, what, strerrorname_np(errno));
  else
    printf("%s: %s: %ld\n", current, what, result);
}
void say(const char* what, const std::string& text) {
  printf("%s: %s: %s\n", current, what, text.c_str());
}

sockaddr_in loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}
int port_of(int fd) {
  sockaddr_in address = {};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}
int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, level, name, &value, &size) == 0 ? value : -errno;
}
std::string error_text(int fd) {
  const int error = option(fd, SOL_SOCKET, SO_ERROR);
  return error == 0 ? "none" : error < 0 ? "?" : strerrorname_np(error);
}
int listen_somewhere(int flags) {
  const int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  const sockaddr_in any = loopback(0);
  bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any);
  listen(fd, 16);
  return fd;
}
int connect_to(int port, int flags) {
  const int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
  const sockaddr_in there = loopback(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0 &&
      errno != EINPROGRESS) {
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}
Pair connected() {
  const int listener = listen_somewhere();
  const int near = connect_to(port_of(listener));
  const int far = accept(listener, nullptr, nullptr);
  close(listener);
  return {near, far};
}
void done(const Pair& pair) {
  close(pair.near);
  close(pair.far);
}
int wait_for(int fd, short events, int ms) {
  pollfd one = {fd, events, 0};
  const int count = poll(&one, 1, ms);
  return count < 0 ? count : one.revents;
}
std::string read_text(int fd) {
  char text[256];
  const ssize_t count = read(fd, text, sizeof text);
  return count < 0 ? strerrorname_np(errno)
                   : "\"" + std::string(text, static_cast<size_t>(count)) + "\"";
}
void send_descriptor(int to, int fd) {
  char byte = 'd';
  iovec part = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &part, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS,
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof(int));
  (void)!sendmsg(to, &message, 0);
}
int take_descriptor(int from) {
  char byte;
  iovec part = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message = {};
  message.msg_iov = &part, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  if (recvmsg(from, &message, 0) != 1 || CMSG_FIRSTHDR(&message) == nullptr) return -1;
  int fd;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}
int datagrams(int flags) {
  const int fd = socket(AF_INET, SOCK_DGRAM | flags, 0);
  const sockaddr_in any = loopback(0);
  bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any);
  return fd;
}

}  // namespace lkl::oracle
