// SPDX-License-Identifier: GPL-2.0
//
// Calls that open files and that nobody has to be asked about. openat(2) has four arguments, the
// host leaves the registers of the others alone, and a filter sees all six: who knows that a name
// is the host's says so in the sixth. That is no secret and no border: who says so of any name
// gets the host's file, as a program that is not served does.
//
// For libraries that have no other one behind them, too: all of it is here.
#ifndef LKL_TOOL_RUN_OPEN_PASS_H
#define LKL_TOOL_RUN_OPEN_PASS_H

#include <stdint.h>
#include <sys/syscall.h>

namespace lkl::tool::served {

// What the sixth argument has for a name at this address: nobody clears the register for the C
// library's own calls, nor for those of a handler of a signal that comes now, and what is left
// there must not go for another name.
inline constexpr uint32_t kPassHigh = 0x6c6b'6c3a, kPassLow = 0x6f70'656e;
inline uint64_t pass_of(const char* name) {
  const auto low = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(name));
  return uint64_t{kPassHigh} << 32 | static_cast<uint32_t>(low + kPassLow);
}

// The call itself, as the host answers: the descriptor, or a negative error.
inline long open_asking_nobody(int folder, const char* name, int flags, unsigned mode,
                               uint64_t pass) {
  register long r10 __asm__("r10") = static_cast<long>(mode);
  register uint64_t r9 __asm__("r9") = pass;  // not left there
  long result = SYS_openat;
  __asm__ volatile("syscall\n\txorl %%r9d, %%r9d"
                   : "+a"(result), "+r"(r9)
                   : "D"(static_cast<long>(folder)), "S"(name), "d"(static_cast<long>(flags)),
                     "r"(r10)
                   : "rcx", "r11", "cc", "memory");
  return result;
}

// A name, part by part, as it is read: page by page, and not at all where there is no memory.
template <class IsReadable>
class NameReader {
 public:
  NameReader(const char* name, IsReadable is_readable)
      : at_(name), is_readable_(is_readable), is_there_(is_readable(name)) {}

  bool is_there() const { return is_there_; }
  bool is_absolute() const { return *at_ == '/'; }
  // False if there is none any more. Empty ones are none.
  bool next() {
    while (is_there_ && *at_ == '/') step();
    length_ = 0;
    for (; is_there_ && *at_ != '\0' && *at_ != '/'; step()) {
      if (length_ < kRoom) text_[length_] = *at_;
      length_++;
    }
    return length_ > 0;
  }
  bool is(const char* part) const {
    if (length_ > kRoom) return false;
    for (unsigned i = 0; i < length_; i++)
      if (part[i] != text_[i]) return false;
    return part[length_] == '\0';
  }

 private:
  void step() {
    constexpr uintptr_t kPage = 4096;
    at_++;
    if (reinterpret_cast<uintptr_t>(at_) % kPage == 0) is_there_ = is_readable_(at_);
  }

  static constexpr unsigned kRoom = 12;
  const char* at_;
  IsReadable is_readable_;
  bool is_there_;
  char text_[kRoom];
  unsigned length_ = 0;
};

// Whether a file of this name may be one of those that served_path() and is_tunnel_device() know;
// some others may, too, for whose openers somebody is asked for nothing. `is_readable` says whether
// there is memory at an address and behind it in the same page: who has a name where none is has
// to ask, and gets the host's error.
template <class IsReadable>
bool may_be_served(const char* name, IsReadable is_readable) {
  NameReader<IsReadable> part(name, is_readable);
  if (!part.is_there()) return true;
  if (!part.is_absolute()) return false;
  while (part.next() && part.is(".")) continue;
  if (part.is("etc") || part.is("proc") || part.is("sys") || part.is("dev"))
    while (part.next())
      if (part.is("hosts") || part.is("resolv.conf") || part.is("net")) return true;
  return !part.is_there();
}

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_OPEN_PASS_H
