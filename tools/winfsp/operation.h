// SPDX-License-Identifier: GPL-2.0
//
// What the operations share: the one place where errors become statuses.
#ifndef LKL_WINFSP_OPERATION_H
#define LKL_WINFSP_OPERATION_H

#include <new>
#include <system_error>
#include <type_traits>
#include <vector>

#include "session/serving.h"
#include "winfsp/file_system.h"
#include "winfsp/nt_status.h"
#include "winfsp/open_file.h"

namespace lkl::winfsp {

using tool::check;

// Runs the body of an operation, which returns its status, or nothing if that is success.
template <typename Body>
NtStatus serve(Volume* volume, Body body) noexcept {
  try {
    FileSystem& fs = *static_cast<FileSystem*>(volume->context);
    fs.prepare_thread();
    if constexpr (std::is_void_v<decltype(body(fs))>) {
      body(fs);
      return STATUS_SUCCESS;
    } else {
      return body(fs);
    }
  } catch (const StatusError& error) {
    return error.status;
  } catch (const std::system_error& error) {
    return status_of_error(error.code().value());
  } catch (const std::bad_alloc&) {
    return STATUS_INSUFFICIENT_RESOURCES;
  }
}

// The answer of an operation that is asked for a descriptor: to `to`, which has room for `size`.
NtStatus give_descriptor(const std::vector<std::byte>& from, void* to, std::size_t& size);
// Room ahead of what will be written. Not all file systems can do that; what counts is that there
// is some.
void reserve_room(OpenFile& file, std::uint64_t size);

// One group of operations each, by what they work on.
void add_name_operations(Operations& operations);
void add_file_operations(Operations& operations);
void add_attribute_operations(Operations& operations);
void add_directory_operations(Operations& operations);
void add_link_operations(Operations& operations);

}  // namespace lkl::winfsp

#endif  // LKL_WINFSP_OPERATION_H
