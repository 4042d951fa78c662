// SPDX-License-Identifier: GPL-2.0
//
// Other names that the C library has for the same functions; old programs and libraries know them.
#include <cstdarg>

#include "preload/libc.h"

extern "C" {

ssize_t __read(int fd, void* to, size_t room) {
  return read(fd, to, room);
}
ssize_t __write(int fd, const void* bytes, size_t count) {
  return write(fd, bytes, count);
}
int __close(int fd) {
  return close(fd);
}
ssize_t __send(int fd, const void* bytes, size_t count, int flags) {
  return send(fd, bytes, count, flags);
}
int __connect(int fd, const sockaddr* address, socklen_t size) {
  return connect(fd, address, size);
}
int __dup2(int fd, int number) {
  return dup2(fd, number);
}
int __poll(pollfd* all, nfds_t count, int milliseconds) {
  return poll(all, count, milliseconds);
}
int __select(int count, fd_set* in, fd_set* out, fd_set* except, timeval* time) {
  return select(count, in, out, except, time);
}
int __fcntl(int fd, int command, ...) {
  va_list words;
  va_start(words, command);
  const auto argument = va_arg(words, unsigned long);
  va_end(words);
  return fcntl(fd, command, argument);
}
FILE* _IO_popen(const char* line, const char* mode) {
  return popen(line, mode);
}
int _IO_fclose(FILE* stream) {
  return fclose(stream);
}
}
