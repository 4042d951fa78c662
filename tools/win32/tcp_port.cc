// SPDX-License-Identifier: GPL-2.0
#include "win32/tcp_port.h"

#include <winsock2.h>

#include <windows.h>

#include <iphlpapi.h>

#include <memory>

#include "base/error.h"

namespace lkl::tool {

unsigned free_port() {
  WSADATA data;
  WSAStartup(MAKEWORD(2, 2), &data);
  const SOCKET socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool good = socket != INVALID_SOCKET && ::bind(socket, generic, size) == 0 &&
                    ::getsockname(socket, generic, &size) == 0;
  if (socket != INVALID_SOCKET) ::closesocket(socket);
  WSACleanup();
  if (!good) throw Failure("there is no free TCP port on 127.0.0.1 for qemu-nbd");
  return ntohs(address.sin_port);
}

bool listens(unsigned port, unsigned long process) {
  DWORD size = 64 << 10;
  for (int tries = 0; tries < 10; tries++) {
    const auto memory = std::make_unique<std::byte[]>(size);
    auto* const table = reinterpret_cast<MIB_TCPTABLE_OWNER_PID*>(memory.get());
    const DWORD error =
        GetExtendedTcpTable(table, &size, FALSE, AF_INET, TCP_TABLE_OWNER_PID_LISTENER, 0);
    if (error == ERROR_INSUFFICIENT_BUFFER) continue;
    if (error != NO_ERROR) return false;
    for (DWORD i = 0; i < table->dwNumEntries; i++) {
      const MIB_TCPROW_OWNER_PID& row = table->table[i];
      if (ntohs(static_cast<u_short>(row.dwLocalPort)) == port &&
          (row.dwOwningPid == process || row.dwOwningPid == 0))
        return true;
    }
    return false;
  }
  return false;
}

}  // namespace lkl::tool
