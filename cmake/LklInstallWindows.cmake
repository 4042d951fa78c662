# SPDX-License-Identifier: GPL-2.0
# cmake --install for Windows: bin/lkl.dll, its import library, the static one with the kernel's object beside
# it, headers, a CMake package, and the programs of tools/. cpack makes a zip file of it.
include(CMakePackageConfigHelpers)
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h*")
install(DIRECTORY ${LKL_API_INCLUDE_DIR}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(TARGETS lkl lkl-static EXPORT lklTargets RUNTIME DESTINATION bin ARCHIVE DESTINATION lib)
install(FILES ${LKL_PE_KERNEL} DESTINATION lib RENAME lkl-kernel.o)
set(package lib/cmake/lkl)
install(EXPORT lklTargets NAMESPACE lkl:: DESTINATION ${package})
configure_package_config_file(cmake/lklConfig.cmake.in lklConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(lklConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/lklConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/lklConfigVersion.cmake DESTINATION ${package})

set(CPACK_GENERATOR ZIP)
set(CPACK_PACKAGE_FILE_NAME lkl-${PROJECT_VERSION}-windows-x86_64)
set(CPACK_STRIP_FILES ON)
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
install(FILES LICENSE DESTINATION .)
include(CPack)
