// SPDX-License-Identifier: GPL-2.0
#include "winfsp/operations.h"

#include "winfsp/operation.h"

namespace lkl::winfsp {

const Operations& operations() {
  static const Operations all = [] {
    Operations operations = {};
    add_name_operations(operations);
    add_file_operations(operations);
    add_attribute_operations(operations);
    add_directory_operations(operations);
    add_link_operations(operations);
    return operations;
  }();
  return all;
}

}  // namespace lkl::winfsp
