// SPDX-License-Identifier: GPL-2.0
// A kernel of a process of its own, with a card on a wire:
//
//   lkl_windows_net serve URI OWN-ADDRESS [EVENT]
//     sends back what comes by UDP and TCP, until it is ended, or told to by an event of this name
//   lkl_windows_net ask URI OWN-ADDRESS TO
//     sends to who does so by UDP, and wants it back as it was
#include <windows.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <thread>

#include "net/conversation.h"
#include "win64/ask.h"

using namespace lkl_test;

namespace {

int serve() {
  lkl_sockaddr_in here = address("0.0.0.0");
  const int udp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_DGRAM, 0));
  const int tcp = static_cast<int>(lkl_sys_socket(LKL_AF_INET, LKL_SOCK_STREAM, 0));
  if (lkl_sys_bind(udp, generic(here), sizeof here)) return 3;
  if (lkl_sys_bind(tcp, generic(here), sizeof here) || lkl_sys_listen(tcp, 4)) return 4;
  std::thread(echo_datagrams, udp).detach();
  for (;;) {
    const int fd = static_cast<int>(lkl_sys_accept(tcp, nullptr, nullptr));
    if (fd < 0 || !echo(kOurs, fd) || !complaint_in_log().empty()) return 5;
    lkl_sys_close(fd);
  }
}

// 77, when it is told to.
int serve_until(const char* event) {
  const HANDLE told = OpenEventA(SYNCHRONIZE, FALSE, event);
  if (!told) return 7;
  static std::atomic<bool> leaves = false;
  std::thread([] {
    const int error = serve();
    if (!leaves) ExitProcess(static_cast<UINT>(error));
  }).detach();
  WaitForSingleObject(told, INFINITE);
  leaves = true;
  return 77;
}

int ask(const char* to) {
  for (const size_t size : {1, 17, 500, 1471, 1472})
    if (ask_by_udp(to, size) == 0) {
      std::fprintf(stderr, "%zu bytes did not come back\n", size);
      return 6;
    }
  return complaint_in_log().empty() ? 0 : 5;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 64;
  lkl_host_operations silent = {};
  silent.print = keep_log;
  lkl_netdev* nd = nullptr;
  if (lkl_init(&silent) || lkl_start_kernel("mem=64M loglevel=4")) return 1;
  const int error = connect_card(argv[2], argv[3], 0, nd);
  if (error) {
    std::fprintf(stderr, "%s: %s\n%s", argv[2], lkl_strerror(error), kernel_log().c_str());
    return 2;
  }
  const int result = argc == 4                            ? serve()
                     : std::string_view(argv[1]) == "ask" ? ask(argv[4])
                                                          : serve_until(argv[4]);
  lkl_sys_halt();
  lkl_cleanup();
  lkl_netdev_free(nd);
  return result;
}
