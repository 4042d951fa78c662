# SPDX-License-Identifier: GPL-2.0
# The libraries that are made of lkl_host, lkl_devices and the kernel, whose object is the very one that
# Linux has: ELF, with other conventions for calls (LKL_ABI). The linker reads it.

find_program(LKL_ELF_LD NAMES ld.bfd ld REQUIRED NO_CMAKE_FIND_ROOT_PATH)
find_program(LKL_ELF_OBJCOPY NAMES objcopy REQUIRED NO_CMAKE_FIND_ROOT_PATH)
set(kernel ${CMAKE_CURRENT_BINARY_DIR}/lkl-kernel-pe.o)
set(bare)
foreach(name setup debug_calls memory_calls)
  list(APPEND bare --redefine-sym lkl_kernel_${name}=bare_lkl_kernel_${name}) # gate.cc
endforeach()
add_custom_command(
  OUTPUT ${kernel}
  COMMAND ${LKL_ELF_LD} -r -T ${CMAKE_CURRENT_LIST_DIR}/kernel.lds -o ${kernel} ${LKL_KERNEL_OBJECT}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/build/pe_object.py ${kernel}
  COMMAND ${LKL_ELF_OBJCOPY} -N _GLOBAL_OFFSET_TABLE_ ${bare}
          --set-section-flags .rdata=alloc,load,readonly,data ${kernel}
  DEPENDS ${LKL_KERNEL_OBJECT} ${CMAKE_CURRENT_LIST_DIR}/kernel.lds
          ${CMAKE_SOURCE_DIR}/tools/build/pe_object.py
  VERBATIM COMMENT "Kernel: for the linker of PE files")
add_custom_target(lkl_pe_kernel DEPENDS ${kernel})

# lkl.dll and what programs link for it.
add_library(lkl SHARED $<TARGET_OBJECTS:lkl_host> $<TARGET_OBJECTS:lkl_devices> ${LKL_DEFINITIONS})
lkl_library(lkl)
add_dependencies(lkl lkl_pe_kernel)
set(LKL_PE_KERNEL ${kernel} PARENT_SCOPE)
# Where other linkers put DLLs, too: it is moved anyway.
set(base 0x180000000)
set(LKL_DLL_BASE ${base} PARENT_SCOPE)
target_link_options(lkl PRIVATE ${kernel} -Wl,--image-base=${base})
set_property(TARGET lkl APPEND PROPERTY LINK_DEPENDS ${kernel})
set_target_properties(lkl PROPERTIES PREFIX "" LINKER_LANGUAGE CXX)
target_link_libraries(lkl PRIVATE ${private_libs})
add_library(lkl::lkl ALIAS lkl)

# liblkl.a, and beside it the kernel: the linker reads objects of both formats, but no archive of both.
add_library(lkl-static STATIC $<TARGET_OBJECTS:lkl_host> $<TARGET_OBJECTS:lkl_devices>)
lkl_library(lkl-static)
add_dependencies(lkl-static lkl_pe_kernel)
set_target_properties(lkl-static PROPERTIES OUTPUT_NAME lkl LINKER_LANGUAGE CXX)
target_link_libraries(lkl-static PUBLIC $<BUILD_INTERFACE:${kernel}>
                      $<INSTALL_INTERFACE:$<INSTALL_PREFIX>/lib/lkl-kernel.o> ${private_libs})
add_library(lkl::lkl-static ALIAS lkl-static)

# For tests that reach behind the API, and for those that count and time what is in one program.
add_library(lkl-internal STATIC EXCLUDE_FROM_ALL
  $<TARGET_OBJECTS:lkl_host> $<TARGET_OBJECTS:lkl_devices>)
lkl_library(lkl-internal)
add_dependencies(lkl-internal lkl_pe_kernel)
set_target_properties(lkl-internal PROPERTIES LINKER_LANGUAGE CXX)
target_include_directories(lkl-internal PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(lkl-internal PUBLIC ${kernel} ${private_libs} lkl_seam)
