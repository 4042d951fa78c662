// SPDX-License-Identifier: GPL-2.0
#include "posix/dpdk_port.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <mutex>
#include <vector>

#include "net/backend.h"

namespace lkl::host {
namespace {

constexpr unsigned kFrames = 2047;  // of each pool; a ring of them is best if it is full so
constexpr uint16_t kRing = 512;     // frames that a driver holds, if it can
constexpr size_t kLeastRoom = 2048;

// Pools of wires that are no more, of which others still have frames (net_ring passes them on).
struct Retired {
  std::mutex mutex;
  std::vector<rte_mempool*> pools;
};
Retired retired;

void retire(const DpdkCalls& calls, std::initializer_list<rte_mempool*> pools) {
  const std::lock_guard lock(retired.mutex);
  for (rte_mempool* const pool : pools)
    if (pool) retired.pools.push_back(pool);
  std::erase_if(retired.pools, [&](rte_mempool* pool) {
    if (calls.rte_mempool_avail_count(pool) < pool->size) return false;
    calls.rte_mempool_free(pool);
    return true;
  });
}

// "dpdkN" is the port of this number, as LKL has named them.
bool is_number(std::string_view name, uint16_t& number) {
  constexpr std::string_view kPrefix = "dpdk";
  if (!name.starts_with(kPrefix)) return false;
  name.remove_prefix(kPrefix.size());
  const char* const last = name.data() + name.size();
  const auto [end, error] = std::from_chars(name.data(), last, number);
  return error == std::errc() && end == last;
}

}  // namespace

// The number of a port that is there.
int DpdkPort::find(const std::string& device) {
  const std::string name = device.substr(0, device.find(','));
  if (calls_.rte_eth_dev_get_port_by_name(name.c_str(), &number_) == 0) return 0;
  if (is_number(name, number_)) return calls_.rte_eth_dev_is_valid_port(number_) ? 0 : -ENODEV;
  rte_dev_iterator iterator;
  if (calls_.rte_eth_iterator_init(&iterator, device.c_str()) == 0) {
    number_ = calls_.rte_eth_iterator_next(&iterator);
    if (number_ != RTE_MAX_ETHPORTS) {
      calls_.rte_eth_iterator_cleanup(&iterator);
      return 0;
    }
  }
  number_ = RTE_MAX_ETHPORTS;
  return -ENODEV;
}

int DpdkPort::open(const std::string& device, uint16_t mtu, int set) {
  const int error = set_up(device, mtu, set);
  // one that the application has set up can't be set up once more
  return error == -EPERM && !ours_ && number_ != RTE_MAX_ETHPORTS ? -EBUSY : error;
}

int DpdkPort::set_up(const std::string& device, uint16_t mtu, int set) {
  uint16_t number;
  if (find(device)) {
    if (is_number(device, number)) return -ENODEV;
    // -EFAULT: no bus has a name like that
    if (const int error = calls_.rte_dev_probe(device.c_str()))
      return error == -EFAULT ? -ENODEV : error;
    added_ = true;
    if (const int error = find(device)) return error;
  }
  if (const int error = calls_.rte_eth_dev_owner_new(&ownership_.id)) return error;
  std::ranges::copy(std::string_view("lkl"), ownership_.name);
  if (const int error = calls_.rte_eth_dev_owner_set(number_, &ownership_)) {
    added_ = false;
    return error;
  }
  ours_ = true;
  if (const int error = calls_.rte_eth_dev_info_get(number_, &info_)) return error;
  if (mtu == 0 && calls_.rte_eth_dev_get_mtu(number_, &mtu)) mtu = 1500;
  if (info_.max_mtu && mtu > info_.max_mtu) return -ERANGE;
  mtu_ = mtu;
  if (const int error = make_pools(mtu + NetBackend::kEthernetSize)) return error;
  const bool link = *info_.dev_flags & RTE_ETH_DEV_INTR_LSC;
  int error = -EINVAL;
  for (const Attempt& each : {Attempt{true, true}, {true, false}, {false, true}, {false, false}}) {
    if (each.link && !link) continue;
    error = start(each, mtu, set);
    if (error == 0 || error == -EBUSY) break;
  }
  if (error) return error;
  promiscuous_ = calls_.rte_eth_promiscuous_enable(number_) == 0;
  rte_ether_addr address;
  if (calls_.rte_eth_macaddr_get(number_, &address) == 0)
    std::ranges::copy(address.addr_bytes, mac_.begin());
  listen();
  return 0;
}

int DpdkPort::make_pools(size_t frame) {
  const auto room = static_cast<uint16_t>(std::max(frame, kLeastRoom) + RTE_PKTMBUF_HEADROOM);
  for (auto [pool, name] : {std::pair(&received_, "lkl-in-"), std::pair(&sent_, "lkl-out-")}) {
    // names are unique in the library: a pool that waits to be given up has one, too
    const std::string unique = name + std::to_string(ownership_.id);
    *pool = calls_.rte_pktmbuf_pool_create(unique.c_str(), kFrames, 0, 0, room, SOCKET_ID_ANY);
    if (!*pool) return -ENOMEM;
  }
  return 0;
}

int DpdkPort::start(const Attempt& attempt, uint16_t mtu, int set) {
  rte_eth_conf config = {};
  config.rxmode.mtu = mtu;
  config.rxmode.offloads = info_.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
  config.txmode.offloads = 0;
  config.intr_conf.rxq = attempt.interrupts;
  config.intr_conf.lsc = attempt.link;
  if (const int error = calls_.rte_eth_dev_configure(number_, 1, 1, &config)) return error;
  uint16_t in = kRing, out = kRing;
  if (const int error = calls_.rte_eth_dev_adjust_nb_rx_tx_desc(number_, &in, &out)) return error;
  rte_eth_rxconf receiving = info_.default_rxconf;
  receiving.offloads = config.rxmode.offloads;
  rte_eth_txconf sending = info_.default_txconf;
  sending.offloads = 0;
  const auto anywhere = static_cast<unsigned>(SOCKET_ID_ANY);
  if (const int error =
          calls_.rte_eth_rx_queue_setup(number_, 0, in, anywhere, &receiving, received_))
    return error;
  if (const int error = calls_.rte_eth_tx_queue_setup(number_, 0, out, anywhere, &sending))
    return error;
  if (const int error = calls_.rte_eth_dev_start(number_)) return error;
  started_ = true;
  tells_link_ = attempt.link;
  if (!attempt.interrupts) return 0;
  if (const int error =
          calls_.rte_eth_dev_rx_intr_ctl_q(number_, 0, set, RTE_INTR_EVENT_ADD, nullptr)) {
    calls_.rte_eth_dev_stop(number_);
    started_ = false;
    return error;
  }
  interrupts_ = true;
  set_ = set;
  return 0;
}

int DpdkPort::tell(uint16_t port, rte_eth_event_type event, void* self, void*) {
  DpdkPort& me = *static_cast<DpdkPort*>(self);
  if (port != me.number_) return 0;
  if (event == RTE_ETH_EVENT_INTR_RMV)
    me.owner_.removed();
  else
    me.owner_.link_changed(me.read_link());
  return 0;
}

void DpdkPort::listen() {
  hears_ = true;
  if (tells_link_)
    calls_.rte_eth_dev_callback_register(number_, RTE_ETH_EVENT_INTR_LSC, tell, this);
  calls_.rte_eth_dev_callback_register(number_, RTE_ETH_EVENT_INTR_RMV, tell, this);
}

DpdkPort::~DpdkPort() {
  if (hears_) {
    if (tells_link_)
      calls_.rte_eth_dev_callback_unregister(number_, RTE_ETH_EVENT_INTR_LSC, tell, this);
    calls_.rte_eth_dev_callback_unregister(number_, RTE_ETH_EVENT_INTR_RMV, tell, this);
  }
  if (interrupts_) calls_.rte_eth_dev_rx_intr_ctl_q(number_, 0, set_, RTE_INTR_EVENT_DEL, nullptr);
  if (promiscuous_) calls_.rte_eth_promiscuous_disable(number_);
  if (started_) calls_.rte_eth_dev_stop(number_);
  if (ours_) calls_.rte_eth_dev_owner_unset(number_, ownership_.id);
  if (added_ && number_ != RTE_MAX_ETHPORTS) {
    rte_eth_dev_info info;
    if (calls_.rte_eth_dev_info_get(number_, &info) == 0) calls_.rte_dev_remove(info.device);
  }
  retire(calls_, {received_, sent_});
}

bool DpdkPort::read_link() const {
  rte_eth_link link = {};
  return calls_.rte_eth_link_get_nowait(number_, &link) != 0 || link.link_status;
}

size_t DpdkPort::longest() const {
  return sent_->elt_size - sizeof(rte_mbuf) - RTE_PKTMBUF_HEADROOM;
}

unsigned DpdkPort::receive(std::span<rte_mbuf*> frames) const {
  const auto& port = (*calls_.rte_eth_fp_ops)[number_];
  return port.rx_pkt_burst(port.rxq.data[0], frames.data(), static_cast<uint16_t>(frames.size()));
}

void DpdkPort::free(std::span<rte_mbuf*> frames) const {
  calls_.rte_pktmbuf_free_bulk(frames.data(), static_cast<unsigned>(frames.size()));
}

rte_mbuf* DpdkPort::make() const {
  void* frame = nullptr;
  const rte_mempool_ops& pool = calls_.rte_mempool_ops_table->ops[sent_->ops_index];
  if (pool.dequeue(sent_, &frame, 1) != 0) return nullptr;
  auto* const made = static_cast<rte_mbuf*>(frame);
  rte_pktmbuf_reset(made);
  return made;
}

bool DpdkPort::send(rte_mbuf* frame) const {
  const auto& port = (*calls_.rte_eth_fp_ops)[number_];
  return port.tx_pkt_burst(port.txq.data[0], &frame, 1) == 1;
}

void DpdkPort::want_interrupt(bool wanted) {
  if (!wanted && !armed_) return;
  armed_ = wanted;
  if (!wanted) {
    calls_.rte_eth_dev_rx_intr_disable(number_, 0);
    return;
  }
  rte_epoll_event events[4];
  while (calls_.rte_epoll_wait(set_, events, 4, 0) > 0) continue;
  // that it can't be asked for is said by who always tells
  calls_.rte_eth_dev_rx_intr_enable(number_, 0);
}

}  // namespace lkl::host
