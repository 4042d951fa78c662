// SPDX-License-Identifier: GPL-2.0
// What ntdll.dll has that is finer than what is made of it: times in units of 100 ns.
#pragma once

#include <windows.h>

#include <winternl.h>

#include <cstdint>

extern "C" {
NTSYSAPI LONG NTAPI RtlWaitOnAddress(const void* address, const void* compare, SIZE_T size,
                                     const LARGE_INTEGER* timeout);
NTSYSAPI void NTAPI RtlWakeAddressSingle(const void* address);
NTSYSAPI LONG NTAPI NtDelayExecution(BOOLEAN alertable, const LARGE_INTEGER* interval);
NTSYSAPI LONG NTAPI NtReadFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE routine, void* context,
                               IO_STATUS_BLOCK* result, void* to, ULONG length,
                               LARGE_INTEGER* offset, ULONG* key);
NTSYSAPI LONG NTAPI NtWriteFile(HANDLE file, HANDLE event, PIO_APC_ROUTINE routine, void* context,
                                IO_STATUS_BLOCK* result, const void* from, ULONG length,
                                LARGE_INTEGER* offset, ULONG* key);
NTSYSAPI LONG NTAPI NtSetTimerResolution(ULONG wanted, BOOLEAN set, ULONG* actual);
NTSYSAPI BOOLEAN NTAPI RtlDllShutdownInProgress(void);
}

namespace lkl::host {

// From now on, as ntdll wants it: negative, in units of 100 ns, not too early.
inline LARGE_INTEGER time_from_now(uint64_t ns) {
  constexpr uint64_t kUnit = 100, kMost = INT64_MAX / kUnit;
  LARGE_INTEGER interval;
  interval.QuadPart = -static_cast<int64_t>((ns < kMost ? ns + kUnit - 1 : kMost) / kUnit);
  return interval;
}

}  // namespace lkl::host
