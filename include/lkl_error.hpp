// SPDX-License-Identifier: GPL-2.0
//
// std::error_code support for the errors of the library's kernel. Included by lkl.hpp; usable
// alone.
//
//   std::error_code ec = lkl::error_from(lkl_sys_mkdir("/x", 0755));
//   if (ec == std::errc::file_exists) ...            // portable meaning
//   if (ec.value() == LKL_EEXIST) ...                // the kernel's own number
#ifndef LKL_ERROR_HPP
#define LKL_ERROR_HPP

#include <lkl.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace lkl {
// The inline namespace keeps these names apart, at link time, from everything inside the library.
inline namespace v1 {

namespace detail {

class ErrorCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "lkl"; }

  std::string message(int value) const override { return lkl_strerror(-value); }

  // The kernel's numbers are Linux' on every host, so they are mapped one by one instead of being
  // taken for the host's own errno values.
  std::error_condition default_error_condition(int value) const noexcept override {
    std::errc portable{};
    return to_errc(value, portable) ? std::make_error_condition(portable)
                                    : std::error_condition(value, *this);
  }

 private:
  static bool to_errc(int value, std::errc& out) noexcept {
    switch (value) {
#define LKL_ERROR_MAP_(number, condition) \
  case number:                            \
    out = std::errc::condition;           \
    return true
      LKL_ERROR_MAP_(LKL_EPERM, operation_not_permitted);
      LKL_ERROR_MAP_(LKL_ENOENT, no_such_file_or_directory);
      LKL_ERROR_MAP_(LKL_ESRCH, no_such_process);
      LKL_ERROR_MAP_(LKL_EINTR, interrupted);
      LKL_ERROR_MAP_(LKL_EIO, io_error);
      LKL_ERROR_MAP_(LKL_ENXIO, no_such_device_or_address);
      LKL_ERROR_MAP_(LKL_E2BIG, argument_list_too_long);
      LKL_ERROR_MAP_(LKL_ENOEXEC, executable_format_error);
      LKL_ERROR_MAP_(LKL_EBADF, bad_file_descriptor);
      LKL_ERROR_MAP_(LKL_ECHILD, no_child_process);
      LKL_ERROR_MAP_(LKL_EAGAIN, resource_unavailable_try_again);
      LKL_ERROR_MAP_(LKL_ENOMEM, not_enough_memory);
      LKL_ERROR_MAP_(LKL_EACCES, permission_denied);
      LKL_ERROR_MAP_(LKL_EFAULT, bad_address);
      LKL_ERROR_MAP_(LKL_EBUSY, device_or_resource_busy);
      LKL_ERROR_MAP_(LKL_EEXIST, file_exists);
      LKL_ERROR_MAP_(LKL_EXDEV, cross_device_link);
      LKL_ERROR_MAP_(LKL_ENODEV, no_such_device);
      LKL_ERROR_MAP_(LKL_ENOTDIR, not_a_directory);
      LKL_ERROR_MAP_(LKL_EISDIR, is_a_directory);
      LKL_ERROR_MAP_(LKL_EINVAL, invalid_argument);
      LKL_ERROR_MAP_(LKL_ENFILE, too_many_files_open_in_system);
      LKL_ERROR_MAP_(LKL_EMFILE, too_many_files_open);
      LKL_ERROR_MAP_(LKL_ENOTTY, inappropriate_io_control_operation);
      LKL_ERROR_MAP_(LKL_ETXTBSY, text_file_busy);
      LKL_ERROR_MAP_(LKL_EFBIG, file_too_large);
      LKL_ERROR_MAP_(LKL_ENOSPC, no_space_on_device);
      LKL_ERROR_MAP_(LKL_ESPIPE, invalid_seek);
      LKL_ERROR_MAP_(LKL_EROFS, read_only_file_system);
      LKL_ERROR_MAP_(LKL_EMLINK, too_many_links);
      LKL_ERROR_MAP_(LKL_EPIPE, broken_pipe);
      LKL_ERROR_MAP_(LKL_EDOM, argument_out_of_domain);
      LKL_ERROR_MAP_(LKL_ERANGE, result_out_of_range);
      LKL_ERROR_MAP_(LKL_EDEADLK, resource_deadlock_would_occur);
      LKL_ERROR_MAP_(LKL_ENAMETOOLONG, filename_too_long);
      LKL_ERROR_MAP_(LKL_ENOLCK, no_lock_available);
      LKL_ERROR_MAP_(LKL_ENOSYS, function_not_supported);
      LKL_ERROR_MAP_(LKL_ENOTEMPTY, directory_not_empty);
      LKL_ERROR_MAP_(LKL_ELOOP, too_many_symbolic_link_levels);
      LKL_ERROR_MAP_(LKL_ENOMSG, no_message);
      LKL_ERROR_MAP_(LKL_EIDRM, identifier_removed);
      LKL_ERROR_MAP_(LKL_ENOSTR, not_a_stream);
      LKL_ERROR_MAP_(LKL_ENODATA, no_message_available);
      LKL_ERROR_MAP_(LKL_ETIME, stream_timeout);
      LKL_ERROR_MAP_(LKL_ENOSR, no_stream_resources);
      LKL_ERROR_MAP_(LKL_ENOLINK, no_link);
      LKL_ERROR_MAP_(LKL_EPROTO, protocol_error);
      LKL_ERROR_MAP_(LKL_EBADMSG, bad_message);
      LKL_ERROR_MAP_(LKL_EOVERFLOW, value_too_large);
      LKL_ERROR_MAP_(LKL_EILSEQ, illegal_byte_sequence);
      LKL_ERROR_MAP_(LKL_ENOTSOCK, not_a_socket);
      LKL_ERROR_MAP_(LKL_EDESTADDRREQ, destination_address_required);
      LKL_ERROR_MAP_(LKL_EMSGSIZE, message_size);
      LKL_ERROR_MAP_(LKL_EPROTOTYPE, wrong_protocol_type);
      LKL_ERROR_MAP_(LKL_ENOPROTOOPT, no_protocol_option);
      LKL_ERROR_MAP_(LKL_EPROTONOSUPPORT, protocol_not_supported);
      LKL_ERROR_MAP_(LKL_EOPNOTSUPP, operation_not_supported);
      LKL_ERROR_MAP_(LKL_EAFNOSUPPORT, address_family_not_supported);
      LKL_ERROR_MAP_(LKL_EADDRINUSE, address_in_use);
      LKL_ERROR_MAP_(LKL_EADDRNOTAVAIL, address_not_available);
      LKL_ERROR_MAP_(LKL_ENETDOWN, network_down);
      LKL_ERROR_MAP_(LKL_ENETUNREACH, network_unreachable);
      LKL_ERROR_MAP_(LKL_ENETRESET, network_reset);
      LKL_ERROR_MAP_(LKL_ECONNABORTED, connection_aborted);
      LKL_ERROR_MAP_(LKL_ECONNRESET, connection_reset);
      LKL_ERROR_MAP_(LKL_ENOBUFS, no_buffer_space);
      LKL_ERROR_MAP_(LKL_EISCONN, already_connected);
      LKL_ERROR_MAP_(LKL_ENOTCONN, not_connected);
      LKL_ERROR_MAP_(LKL_ETIMEDOUT, timed_out);
      LKL_ERROR_MAP_(LKL_ECONNREFUSED, connection_refused);
      LKL_ERROR_MAP_(LKL_EHOSTUNREACH, host_unreachable);
      LKL_ERROR_MAP_(LKL_EALREADY, connection_already_in_progress);
      LKL_ERROR_MAP_(LKL_EINPROGRESS, operation_in_progress);
      LKL_ERROR_MAP_(LKL_ECANCELED, operation_canceled);
      LKL_ERROR_MAP_(LKL_EOWNERDEAD, owner_dead);
      LKL_ERROR_MAP_(LKL_ENOTRECOVERABLE, state_not_recoverable);
#undef LKL_ERROR_MAP_
      default:
        return false;
    }
  }
};

}  // namespace detail

/// The category of the kernel's error numbers: value() is a positive LKL_E... number.
inline const std::error_category& category() noexcept {
  static const detail::ErrorCategory instance;
  return instance;
}

/// Turns the result of a lkl_sys_* or lkl_* call (negative errno = failure) into an error code;
/// an empty one when the call succeeded.
inline std::error_code error_from(long long result) noexcept {
  return result < 0 ? std::error_code(static_cast<int>(-result), category()) : std::error_code();
}

namespace detail {

inline void throw_if(const std::error_code& ec, std::string_view what) {
  if (ec) throw std::system_error(ec, std::string(what));
}

// An operation's result for the error_code form: the value, or 0 with `ec` set.
inline std::size_t value_or_zero(long long result, std::error_code& ec) noexcept {
  ec = error_from(result);
  return result < 0 ? 0 : static_cast<std::size_t>(result);
}

// The throwing form of an operation, made of its error_code form.
template <class Operation>
auto throwing(std::string_view what, Operation operation) {
  std::error_code ec;
  if constexpr (std::is_void_v<decltype(operation(ec))>) {
    operation(ec);
    throw_if(ec, what);
  } else {
    auto result = operation(ec);
    throw_if(ec, what);
    return result;
  }
}

}  // namespace detail

}  // namespace v1
}  // namespace lkl

#endif  // LKL_ERROR_HPP
