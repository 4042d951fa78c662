# SPDX-License-Identifier: GPL-2.0
# Run by cpack before it makes packages of what is staged: as Debian's policy wants it.
find_program(gzip gzip REQUIRED)
file(GLOB documents LIST_DIRECTORIES true ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/doc/*)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
foreach(folder ${documents})
  file(WRITE ${folder}/changelog
"lkl (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * See the project's own history.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
endforeach()
file(GLOB_RECURSE pages ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/man/*)
list(TRANSFORM documents APPEND /changelog)
execute_process(COMMAND ${gzip} -9n ${pages} ${documents} COMMAND_ERROR_IS_FATAL ANY)
