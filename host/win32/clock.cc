// SPDX-License-Identifier: GPL-2.0
#include <cpuid.h>

#include "host.h"
#include "win32/ntdll.h"

namespace lkl::host {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

// Which does not change while the system runs.
uint64_t frequency() {
  static const uint64_t frequency = [] {
    LARGE_INTEGER value;
    QueryPerformanceFrequency(&value);
    return static_cast<uint64_t>(value.QuadPart);
  }();
  return frequency;
}

}  // namespace

uint64_t monotonic_ns() {
  LARGE_INTEGER value;
  QueryPerformanceCounter(&value);
  const uint64_t count = static_cast<uint64_t>(value.QuadPart), each = frequency();
  return count / each * kSecond + count % each * kSecond / each;
}

uint64_t realtime_ns() {
  constexpr uint64_t kFrom1601To1970 = 116'444'736'000'000'000;  // in units of 100 ns
  FILETIME time;
  GetSystemTimePreciseAsFileTime(&time);
  const uint64_t value = uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime;
  return (value - kFrom1601To1970) * 100;
}

// The processor says so; Windows keeps those of its processors together, or does not run on them.
bool cycles_are_stable() {
  constexpr unsigned kPowerManagement = 0x80000007, kInvariant = 1 << 8;
  unsigned a, b, c, d;
  return __get_cpuid(kPowerManagement, &a, &b, &c, &d) && (d & kInvariant);
}

unsigned processors() {
  DWORD_PTR ours = 0, all = 0;
  if (!GetProcessAffinityMask(GetCurrentProcess(), &ours, &all) || ours == 0) return 1;
  return static_cast<unsigned>(__builtin_popcountll(ours));
}

void sleep_ns(uint64_t ns) {
  const LARGE_INTEGER interval = time_from_now(ns);
  NtDelayExecution(FALSE, &interval);
}

}  // namespace lkl::host
