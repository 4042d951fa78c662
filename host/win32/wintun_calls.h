// SPDX-License-Identifier: GPL-2.0
// What of wintun.dll is called, by its documented interface (wintun 0.14). The DLL is loaded at
// first use; a test has one of its own.
#pragma once

#include <windows.h>

namespace lkl::host {

struct WintunCalls {
  // An adapter that is there, by its name; or a new one, for which the process has to be an
  // administrator's, and which goes when it is closed. nullptr: GetLastError().
  void*(WINAPI* WintunOpenAdapter)(const wchar_t* name);
  void*(WINAPI* WintunCreateAdapter)(const wchar_t* name, const wchar_t* type, const GUID* id);
  void(WINAPI* WintunCloseAdapter)(void* adapter);
  // Rings of so many bytes, a power of two, 128 KiB to 64 MiB. One session of an adapter at a time.
  void*(WINAPI* WintunStartSession)(void* adapter, DWORD capacity);
  void(WINAPI* WintunEndSession)(void* session);
  // Set while there is something to receive. The session's: not to be closed.
  HANDLE(WINAPI* WintunGetReadWaitEvent)(void* session);
  // nullptr: ERROR_NO_MORE_ITEMS, or ERROR_HANDLE_EOF when the adapter is going.
  BYTE*(WINAPI* WintunReceivePacket)(void* session, DWORD* size);
  void(WINAPI* WintunReleaseReceivePacket)(void* session, const BYTE* packet);
  // nullptr: ERROR_BUFFER_OVERFLOW, there is no room.
  BYTE*(WINAPI* WintunAllocateSendPacket)(void* session, DWORD size);
  void(WINAPI* WintunSendPacket)(void* session, const BYTE* packet);
};

// nullptr: it is not there, or too old.
const WintunCalls* installed_wintun();

}  // namespace lkl::host
