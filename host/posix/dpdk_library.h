// SPDX-License-Identifier: GPL-2.0
// DPDK, which is one for the process, with its memory, its drivers and a thread of its own. The
// library is loaded and started when it is first asked for, and stays.
#pragma once

#include <rte_config.h>
// before all others of DPDK
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_epoll.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_version.h>

#include <mutex>
#include <optional>
#include <string>

#include "host.h"
#include "library_calls.h"
#include "net/uri.h"

namespace lkl::host {

// What DPDK's inline functions reach into is among them: the tables by which they call a driver
// (rte_eth_fp_ops) and a pool of memory (rte_mempool_ops_table).
#define LKL_DPDK_CALLS(call)                                                                       \
  call(rte_eal_init) call(rte_lcore_count) call(rte_log_set_global_level) call(rte_openlog_stream) \
      call(rte_dev_probe) call(rte_dev_remove) call(rte_eth_dev_get_port_by_name) call(            \
          rte_eth_dev_is_valid_port) call(rte_eth_iterator_init) call(rte_eth_iterator_next)       \
          call(rte_eth_iterator_cleanup) call(rte_eth_dev_owner_new) call(rte_eth_dev_owner_set)   \
              call(rte_eth_dev_owner_unset) call(rte_eth_dev_info_get) call(rte_eth_dev_configure) \
                  call(rte_eth_dev_adjust_nb_rx_tx_desc) call(rte_eth_rx_queue_setup) call(        \
                      rte_eth_tx_queue_setup) call(rte_eth_dev_start) call(rte_eth_dev_stop)       \
                      call(rte_eth_dev_close) call(rte_eth_dev_get_mtu) call(rte_eth_macaddr_get)  \
                          call(rte_eth_promiscuous_enable) call(rte_eth_promiscuous_disable)       \
                              call(rte_eth_link_get_nowait) call(rte_eth_dev_callback_register)    \
                                  call(rte_eth_dev_callback_unregister) call(                      \
                                      rte_eth_dev_rx_intr_ctl_q) call(rte_eth_dev_rx_intr_enable)  \
                                      call(rte_eth_dev_rx_intr_disable) call(rte_epoll_wait)       \
                                          call(rte_pktmbuf_pool_create)                            \
                                              call(rte_pktmbuf_free_bulk) call(rte_mempool_free)   \
                                                  call(rte_mempool_avail_count)                    \
                                                      call(rte_eth_fp_ops)                         \
                                                          call(rte_mempool_ops_table)

// The number of its binary interface, in the names of files and packages: one for a year, which
// begins with the release of November.
inline const std::string kDpdkAbi = std::to_string(RTE_VER_YEAR + (RTE_VER_MONTH >= 11 ? 1 : 0));

LKL_LIBRARY_CALLS(DpdkCalls, ("librte_ethdev.so." + kDpdkAbi).c_str(), LKL_DPDK_CALLS)

class Dpdk final {
 public:
  // The library, started by these words of its own, or by those that let it do without rights;
  // nullptr and said why not, and `error` is -errno.
  static const DpdkCalls* start(const NetUri& uri, const std::optional<std::string>& words,
                                int& error);

  // Calls it on a thread of its own, and waits for that: what the library makes of its thread (it
  // binds it to a processor) and what it starts (threads, which get signals) is not to be the
  // application's.
  template <class Function>
  static void on_own_thread(Function&& function) {
    run([](void* it) { (*static_cast<std::remove_reference_t<Function>*>(it))(); }, &function);
  }

  // What the library has to say in this scope: its errors. One at a time in the process.
  class Messages final {
   public:
    Messages();
    ~Messages();
    Messages(const Messages&) = delete;
    Messages& operator=(const Messages&) = delete;
    void say(const NetUri& uri) const;

   private:
    const std::lock_guard<std::mutex> others_;
  };

 private:
  static void run(void (*function)(void*), void* argument);
};

}  // namespace lkl::host
