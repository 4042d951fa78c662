# SPDX-License-Identifier: GPL-2.0
# Libraries of the host. What is of headers only comes from the system that builds, but not by its folder:
# that has another C library's.
set(headers ${CMAKE_CURRENT_BINARY_DIR}/headers)
find_path(LKL_NLOHMANN_JSON nlohmann/json.hpp PATHS /usr/include REQUIRED NO_CMAKE_FIND_ROOT_PATH
          NO_DEFAULT_PATH)
file(MAKE_DIRECTORY ${headers})
file(CREATE_LINK ${LKL_NLOHMANN_JSON}/nlohmann ${headers}/nlohmann SYMBOLIC)
add_library(nlohmann_json::nlohmann_json INTERFACE IMPORTED)
target_include_directories(nlohmann_json::nlohmann_json INTERFACE ${headers})

set(private_libs Threads::Threads bcrypt ntdll ws2_32)
