# SPDX-License-Identifier: GPL-2.0
# cmake --install for Windows: bin/lkl.dll, its import library, headers, a CMake package.
include(CMakePackageConfigHelpers)
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h*")
install(DIRECTORY ${LKL_API_INCLUDE_DIR}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(TARGETS lkl EXPORT lklTargets RUNTIME DESTINATION bin ARCHIVE DESTINATION lib)
set(package lib/cmake/lkl)
install(EXPORT lklTargets NAMESPACE lkl:: DESTINATION ${package})
configure_package_config_file(cmake/lklConfig.cmake.in lklConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(lklConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lklConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/lklConfigVersion.cmake DESTINATION ${package})
