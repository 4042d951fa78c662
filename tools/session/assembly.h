// SPDX-License-Identifier: GPL-2.0
//
// Devices made of others: arrays of md, logical volumes of LVM, what is in LUKS containers, and
// what begins at an offset, with their partitions; one on top of the other in any order.
#ifndef LKL_TOOL_ASSEMBLY_H
#define LKL_TOOL_ASSEMBLY_H

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/passphrase.h"
#include "disk/device.h"
#include "disk/held_devices.h"
#include "disk/luks_header.h"

namespace lkl::tool {

class ArraySet;
class GroupSet;

class Assembly {
 public:
  // `key_file`: of LUKS containers, see SessionOptions.
  Assembly(const std::string& key_file, Diagnostics& diagnostics);
  Assembly(const Assembly&) = delete;
  Assembly& operator=(const Assembly&) = delete;
  ~Assembly();

  // Gets what the sandbox would keep away from us: the key file, and libcryptsetup if it may be
  // needed. True if containers could be opened then. Throws Failure.
  bool prepare_opening();

  // A device to look into. It stays where it is, and gets a problem if what it is a part of cannot
  // be assembled.
  void add(Device& device);

  // What begins at this byte of a device: "@OFFSET" is its id. The same again gives the same.
  // Throws Failure.
  const Device& add_offset(const Device& whole, std::uint64_t offset);
  // For other devices that are made of these.
  HeldDevices& held() { return held_; }

  // Starts the arrays and activates the logical volumes that can be had of what was added.
  void assemble();

  // Opens the containers that are still closed, and what is in them. What does not open gets a
  // problem. `ask`: the terminal may be asked for passphrases, else the key file has to have them.
  void open_all(bool ask);
  // Opens those that may lead to the device of this id, "luks:2" or "vg/lv". Throws Failure if one
  // that is named does not open.
  void open_for(const std::string& id);

  // What was made, and logical volumes that could not be (not `present`), with their partitions.
  std::vector<const Device*> devices() const;

  // Removes all of it, the last first; `report` gets what went wrong.
  void close(const HeldDevices::Report& report) { held_.close(report); }

 private:
  struct Container {
    Device* device;
    LuksHeader header;
    bool open = false;
  };
  void examine(Device& device);
  void examine_physical_volume(Device& device);
  void claim_physical_volumes();
  bool start_arrays(bool incomplete);
  void start(ArraySet& set);
  bool activate(GroupSet& group);
  void open(Container& container);
  Device& add_made(Device device);
  void add_partitions(Device& whole);

  Diagnostics& diagnostics_;
  Passphrases passphrases_;
  std::vector<Device*> new_;  // not examined yet
  std::vector<std::unique_ptr<ArraySet>> arrays_;
  std::vector<std::unique_ptr<GroupSet>> groups_;
  std::vector<std::pair<std::string, Device*>> unclaimed_;  // physical volumes, by UUID
  std::vector<std::unique_ptr<Container>> containers_;
  std::vector<std::unique_ptr<Device>> devices_;
  HeldDevices held_;
};

}  // namespace lkl::tool

#endif  // LKL_TOOL_ASSEMBLY_H
