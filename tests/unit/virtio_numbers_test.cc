// SPDX-License-Identifier: GPL-2.0
// The numbers of virtio as we write them are those of the host's kernel headers.
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
// it has a member of this name, being of C
#define class class_
#include <linux/virtio_net.h>
#undef class

#include <gtest/gtest.h>

#include <cstddef>

#include "virtio/blk_protocol.h"
#include "virtio/mmio_registers.h"
#include "virtio/net_protocol.h"
#include "virtio/virtio.h"

namespace lkl::host {
namespace {

TEST(VirtioNumbers, OfAllDevices) {
  EXPECT_EQ(device_status::kDriverOk, VIRTIO_CONFIG_S_DRIVER_OK);
  EXPECT_EQ(device_status::kFeaturesOk, VIRTIO_CONFIG_S_FEATURES_OK);
  EXPECT_EQ(device_status::kNeedsReset, VIRTIO_CONFIG_S_NEEDS_RESET);
  EXPECT_EQ(feature::kVersion1, VIRTIO_F_VERSION_1);
  EXPECT_EQ(device_type::kNet, VIRTIO_ID_NET);
  EXPECT_EQ(device_type::kBlock, VIRTIO_ID_BLOCK);
}

TEST(VirtioNumbers, OfTheRegisters) {
  using namespace mmio_register;
  EXPECT_EQ(kMagicValue, VIRTIO_MMIO_MAGIC_VALUE);
  EXPECT_EQ(kVersion, VIRTIO_MMIO_VERSION);
  EXPECT_EQ(kDeviceId, VIRTIO_MMIO_DEVICE_ID);
  EXPECT_EQ(kVendorId, VIRTIO_MMIO_VENDOR_ID);
  EXPECT_EQ(kDeviceFeatures, VIRTIO_MMIO_DEVICE_FEATURES);
  EXPECT_EQ(kDeviceFeaturesSel, VIRTIO_MMIO_DEVICE_FEATURES_SEL);
  EXPECT_EQ(kDriverFeatures, VIRTIO_MMIO_DRIVER_FEATURES);
  EXPECT_EQ(kDriverFeaturesSel, VIRTIO_MMIO_DRIVER_FEATURES_SEL);
  EXPECT_EQ(kQueueSel, VIRTIO_MMIO_QUEUE_SEL);
  EXPECT_EQ(kQueueNumMax, VIRTIO_MMIO_QUEUE_NUM_MAX);
  EXPECT_EQ(kQueueNum, VIRTIO_MMIO_QUEUE_NUM);
  EXPECT_EQ(kQueueReady, VIRTIO_MMIO_QUEUE_READY);
  EXPECT_EQ(kQueueNotify, VIRTIO_MMIO_QUEUE_NOTIFY);
  EXPECT_EQ(kInterruptStatus, VIRTIO_MMIO_INTERRUPT_STATUS);
  EXPECT_EQ(kInterruptAck, VIRTIO_MMIO_INTERRUPT_ACK);
  EXPECT_EQ(kStatus, VIRTIO_MMIO_STATUS);
  EXPECT_EQ(kQueueDescLow, VIRTIO_MMIO_QUEUE_DESC_LOW);
  EXPECT_EQ(kQueueDescHigh, VIRTIO_MMIO_QUEUE_DESC_HIGH);
  EXPECT_EQ(kQueueDriverLow, VIRTIO_MMIO_QUEUE_AVAIL_LOW);
  EXPECT_EQ(kQueueDriverHigh, VIRTIO_MMIO_QUEUE_AVAIL_HIGH);
  EXPECT_EQ(kQueueDeviceLow, VIRTIO_MMIO_QUEUE_USED_LOW);
  EXPECT_EQ(kQueueDeviceHigh, VIRTIO_MMIO_QUEUE_USED_HIGH);
  EXPECT_EQ(kShmLenLow, VIRTIO_MMIO_SHM_LEN_LOW);
  EXPECT_EQ(kShmLenHigh, VIRTIO_MMIO_SHM_LEN_HIGH);
  EXPECT_EQ(kConfigGeneration, VIRTIO_MMIO_CONFIG_GENERATION);
  EXPECT_EQ(kConfig, VIRTIO_MMIO_CONFIG);
  EXPECT_EQ(kUsedBuffer, VIRTIO_MMIO_INT_VRING);
  EXPECT_EQ(kConfigChange, VIRTIO_MMIO_INT_CONFIG);
}

TEST(VirtioNumbers, OfNetworkCards) {
  EXPECT_EQ(net_feature::kChecksum, VIRTIO_NET_F_CSUM);
  EXPECT_EQ(net_feature::kGuestChecksum, VIRTIO_NET_F_GUEST_CSUM);
  EXPECT_EQ(net_feature::kSetOffloads, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);
  EXPECT_EQ(net_feature::kCommands, VIRTIO_NET_F_CTRL_VQ);
  EXPECT_EQ(net_feature::kPairs, VIRTIO_NET_F_MQ);
  EXPECT_EQ(net_feature::kSetMac, VIRTIO_NET_F_CTRL_MAC_ADDR);
  EXPECT_EQ(NetCommand::kSetMac, (NetCommand{VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET}));
  EXPECT_EQ(NetCommand::kSetPairs,
            (NetCommand{VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET}));
  EXPECT_EQ(NetCommand::kSetOffloads,
            (NetCommand{VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET}));
  EXPECT_EQ(net_feature::kMtu, VIRTIO_NET_F_MTU);
  EXPECT_EQ(net_feature::kMac, VIRTIO_NET_F_MAC);
  EXPECT_EQ(net_feature::kGuestTso4, VIRTIO_NET_F_GUEST_TSO4);
  EXPECT_EQ(net_feature::kGuestTso6, VIRTIO_NET_F_GUEST_TSO6);
  EXPECT_EQ(net_feature::kGuestEcn, VIRTIO_NET_F_GUEST_ECN);
  EXPECT_EQ(net_feature::kHostTso4, VIRTIO_NET_F_HOST_TSO4);
  EXPECT_EQ(net_feature::kHostTso6, VIRTIO_NET_F_HOST_TSO6);
  EXPECT_EQ(net_feature::kHostEcn, VIRTIO_NET_F_HOST_ECN);
  EXPECT_EQ(net_feature::kMergeableBuffers, VIRTIO_NET_F_MRG_RXBUF);
  EXPECT_EQ(net_feature::kStatus, VIRTIO_NET_F_STATUS);
  EXPECT_EQ(NetConfig::kLinkUp, VIRTIO_NET_S_LINK_UP);
  EXPECT_EQ(offsetof(NetConfig, status), offsetof(virtio_net_config, status));
  EXPECT_EQ(offsetof(NetConfig, mtu), offsetof(virtio_net_config, mtu));
  EXPECT_EQ(sizeof(NetHeader), sizeof(virtio_net_hdr_mrg_rxbuf));
  EXPECT_EQ(offsetof(NetHeader, buffers), offsetof(virtio_net_hdr_mrg_rxbuf, num_buffers));
}

TEST(VirtioNumbers, OfBlockDevices) {
  EXPECT_EQ(blk_feature::kSizeMax, VIRTIO_BLK_F_SIZE_MAX);
  EXPECT_EQ(blk_feature::kSegMax, VIRTIO_BLK_F_SEG_MAX);
  EXPECT_EQ(blk_feature::kReadOnly, VIRTIO_BLK_F_RO);
  EXPECT_EQ(blk_feature::kBlockSize, VIRTIO_BLK_F_BLK_SIZE);
  EXPECT_EQ(blk_feature::kFlush, VIRTIO_BLK_F_FLUSH);
  EXPECT_EQ(blk_feature::kTopology, VIRTIO_BLK_F_TOPOLOGY);
  EXPECT_EQ(blk_feature::kMultiQueue, VIRTIO_BLK_F_MQ);
  EXPECT_EQ(blk_feature::kDiscard, VIRTIO_BLK_F_DISCARD);
  EXPECT_EQ(blk_feature::kWriteZeroes, VIRTIO_BLK_F_WRITE_ZEROES);

  EXPECT_EQ(blk_request::kIn, uint32_t{VIRTIO_BLK_T_IN});
  EXPECT_EQ(blk_request::kOut, uint32_t{VIRTIO_BLK_T_OUT});
  EXPECT_EQ(blk_request::kFlush, uint32_t{VIRTIO_BLK_T_FLUSH});
  EXPECT_EQ(blk_request::kGetId, uint32_t{VIRTIO_BLK_T_GET_ID});
  EXPECT_EQ(blk_request::kDiscard, uint32_t{VIRTIO_BLK_T_DISCARD});
  EXPECT_EQ(blk_request::kWriteZeroes, uint32_t{VIRTIO_BLK_T_WRITE_ZEROES});
  EXPECT_EQ(blk_status::kOk, VIRTIO_BLK_S_OK);
  EXPECT_EQ(blk_status::kIoError, VIRTIO_BLK_S_IOERR);
  EXPECT_EQ(blk_status::kUnsupported, VIRTIO_BLK_S_UNSUPP);
  EXPECT_EQ(BlkRange::kUnmap, uint32_t{VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP});
  EXPECT_EQ(kBlkIdLength, unsigned{VIRTIO_BLK_ID_BYTES});
}

TEST(VirtioNumbers, OfStructures) {
  static_assert(sizeof(BlkRequestHeader) == sizeof(virtio_blk_outhdr));
  static_assert(offsetof(BlkRequestHeader, sector) == offsetof(virtio_blk_outhdr, sector));
  static_assert(sizeof(BlkRange) == sizeof(virtio_blk_discard_write_zeroes));
  static_assert(offsetof(BlkRange, flags) == offsetof(virtio_blk_discard_write_zeroes, flags));
#define EXPECT_SAME_PLACE(member) \
  EXPECT_EQ(offsetof(BlkConfig, member), offsetof(virtio_blk_config, member))
  EXPECT_SAME_PLACE(capacity);
  EXPECT_SAME_PLACE(size_max);
  EXPECT_SAME_PLACE(seg_max);
  EXPECT_SAME_PLACE(blk_size);
  EXPECT_SAME_PLACE(physical_block_exp);
  EXPECT_SAME_PLACE(alignment_offset);
  EXPECT_SAME_PLACE(min_io_size);
  EXPECT_SAME_PLACE(opt_io_size);
  EXPECT_SAME_PLACE(num_queues);
  EXPECT_SAME_PLACE(max_discard_sectors);
  EXPECT_SAME_PLACE(max_discard_seg);
  EXPECT_SAME_PLACE(discard_sector_alignment);
  EXPECT_SAME_PLACE(max_write_zeroes_sectors);
  EXPECT_SAME_PLACE(max_write_zeroes_seg);
  EXPECT_SAME_PLACE(write_zeroes_may_unmap);
#undef EXPECT_SAME_PLACE
}

}  // namespace
}  // namespace lkl::host
