// SPDX-License-Identifier: GPL-2.0
//
// Streams of stdio on the kernel's descriptors: the C library reads and writes by itself there, so
// they are streams of functions of ours.
#include <cstdarg>
#include <cstdlib>
#include <map>
#include <mutex>

#include "preload/libc.h"
#include "preload/numbers.h"

namespace lkl::preload {

namespace {

struct Streams {
  std::mutex mutex;
  std::map<FILE*, int> numbers;
};
// Never taken down: streams are closed at the very end.
Streams& streams() {
  static auto& all = *new Streams;
  return all;
}

int number_of(void* cookie) {
  return static_cast<int>(reinterpret_cast<long>(cookie));
}

ssize_t read_stream(void* cookie, char* to, std::size_t room) {
  return ::read(number_of(cookie), to, room);
}
// As stdio wants it: 0 for an error.
ssize_t write_stream(void* cookie, const char* bytes, std::size_t count) {
  std::size_t written = 0;
  while (written < count) {
    const ssize_t result = ::write(number_of(cookie), bytes + written, count - written);
    if (result < 0) break;
    written += static_cast<std::size_t>(result);
  }
  return static_cast<ssize_t>(written);
}
int close_stream(void* cookie) {
  Streams& all = streams();
  {
    const std::lock_guard lock(all.mutex);
    std::erase_if(all.numbers,
                  [cookie](const auto& one) { return one.second == number_of(cookie); });
  }
  return ::close(number_of(cookie));
}

FILE* make_stream(int fd, const char* mode) {
  FILE* const stream = ::fopencookie(
      reinterpret_cast<void*>(static_cast<long>(fd)), mode,
      {.read = read_stream, .write = write_stream, .seek = nullptr, .close = close_stream});
  if (stream == nullptr) return nullptr;
  Streams& all = streams();
  const std::lock_guard lock(all.mutex);
  all.numbers[stream] = fd;
  return stream;
}

int number_of_stream(FILE* stream) {
  Streams& all = streams();
  const std::lock_guard lock(all.mutex);
  const auto found = all.numbers.find(stream);
  return found == all.numbers.end() ? libc().fileno(stream) : found->second;
}

}  // namespace

}  // namespace lkl::preload

using namespace lkl::preload;

extern "C" {

FILE* fdopen(int fd, const char* mode) __THROW {
  return kernel_fd(fd) == kOfHost ? libc().fdopen(fd, mode) : make_stream(fd, mode);
}

int fileno(FILE* stream) __THROW {
  return number_of_stream(stream);
}
int fileno_unlocked(FILE* stream) __THROW {
  return number_of_stream(stream);
}

int vdprintf(int fd, const char* format, va_list words) {
  if (kernel_fd(fd) == kOfHost) return libc().vdprintf(fd, format, words);
  char* text = nullptr;
  const int length = ::vasprintf(&text, format, words);
  if (length < 0) return length;
  const ssize_t written = ::write(fd, text, static_cast<std::size_t>(length));
  std::free(text);
  return static_cast<int>(written);
}
int dprintf(int fd, const char* format, ...) {
  va_list words;
  va_start(words, format);
  const int result = vdprintf(fd, format, words);
  va_end(words);
  return result;
}
int __vdprintf_chk(int fd, int, const char* format, va_list words) {
  return vdprintf(fd, format, words);
}
int __dprintf_chk(int fd, int, const char* format, ...) {
  va_list words;
  va_start(words, format);
  const int result = vdprintf(fd, format, words);
  va_end(words);
  return result;
}
}
