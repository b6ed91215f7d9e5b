# What is installed besides the programs, and the Debian package and source archive that CPack makes of it:
#
#   cmake --build --preset release --target package          build/release/outreachd_VERSION_ARCH.deb
#   cmake --build --preset release --target package_source   build/release/outreachd-VERSION.tar.xz
#
# Component "system" is what an operator edits or what belongs to the machine (/etc, units, users). `cmake --install` leaves it out, for it
# would overwrite an edited configuration; the package has it, as conffiles. Where there are no packages: cmake --install DIR --component system

# ---- the version: CMakeLists.txt says it, CHANGELOG.md must agree

set(newest "")
file(STRINGS CHANGELOG.md changelog_lines ENCODING UTF-8)
foreach(line IN LISTS changelog_lines)
  if(NOT newest AND line MATCHES "^## ([0-9.]+) \\(([0-9]+-[0-9]+-[0-9]+)\\)$")
    set(newest "${CMAKE_MATCH_1}")
    set(newest_date "${CMAKE_MATCH_2}")
  endif()
endforeach()
if(NOT newest STREQUAL PROJECT_VERSION)
  message(FATAL_ERROR "CHANGELOG.md begins with version \"${newest}\", CMakeLists.txt says ${PROJECT_VERSION}")
endif()

set(OUTREACH_MAINTAINER "outreachd developers <developers@outreachd.invalid>" CACHE STRING "of the Debian package")
set(debian_dir ${CMAKE_CURRENT_BINARY_DIR}/debian)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS CHANGELOG.md)

# ---- programs' companions, under the prefix

set(data_dir ${CMAKE_INSTALL_DATADIR}/outreachd)
set(doc_dir ${CMAKE_INSTALL_DATADIR}/doc/outreachd)
# Where conf/settings.c looks for them when the configuration names none.
install(DIRECTORY config/codes DESTINATION ${data_dir})
install(FILES config/regions.csv DESTINATION ${data_dir})
install(DIRECTORY daemon/console DESTINATION ${data_dir})
install(DIRECTORY config/prometheus DESTINATION ${data_dir})
install(FILES config/outreachctl.bash-completion DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME outreachctl)
install(FILES README.md README.zh-CN.md DESTINATION ${doc_dir})
install(DIRECTORY docs/ DESTINATION ${doc_dir} FILES_MATCHING PATTERN "*.md" PATTERN "openapi.yaml" PATTERN "man" EXCLUDE)
# The demo campaign and whatever else lies in a folder of config/ is an example, not live.
install(DIRECTORY config/ DESTINATION ${doc_dir}/examples PATTERN "codes" EXCLUDE PATTERN "prometheus" EXCLUDE PATTERN "regions.csv" EXCLUDE
        PATTERN "outreachctl.bash-completion" EXCLUDE)

# ---- man pages, where scdoc is there; the programs speak of their own tables, so they are built first

find_program(SCDOC scdoc)
if(SCDOC AND NOT OUTREACH_SANITIZE AND NOT OUTREACH_FUZZ)
  set(man_dir ${CMAKE_CURRENT_BINARY_DIR}/man)
  file(GLOB man_sources CONFIGURE_DEPENDS docs/man/*.scd)
  set(man_pages "")
  foreach(source IN LISTS man_sources)
    get_filename_component(page ${source} NAME_WLE) # outreachd.ini.5
    string(REGEX REPLACE ".*\\." "" man_section ${page})
    list(APPEND man_pages ${man_dir}/${page}.gz)
    install(FILES ${man_dir}/${page}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${man_section})
  endforeach()
  add_custom_command(OUTPUT ${man_pages}
    COMMAND ${CMAKE_SOURCE_DIR}/scripts/man ${CMAKE_BINARY_DIR} ${man_dir}
    DEPENDS scripts/man ${man_sources} outreachctl outreach-sim CHANGELOG.md config/outreachd.ini config/outreachctl.bash-completion docs/metrics.md
    COMMENT "man pages" VERBATIM)
  add_custom_target(man ALL DEPENDS ${man_pages})
elseif(NOT SCDOC)
  message(STATUS "scdoc is not there: no man pages")
endif()

# ---- the machine's part

file(GLOB unit_files CONFIGURE_DEPENDS systemd/*.service systemd/*.socket systemd/*.timer systemd/*.path)
list(TRANSFORM unit_files REPLACE ".*/" "" OUTPUT_VARIABLE units)
list(JOIN units " " OUTREACH_UNITS)
set(system COMPONENT system EXCLUDE_FROM_ALL)
install(FILES config/outreachd.ini config/redis.conf DESTINATION /etc/outreachd ${system})
install(DIRECTORY config/codes DESTINATION /etc/outreachd ${system})
install(FILES ${unit_files} DESTINATION /lib/systemd/system ${system})
install(FILES systemd/outreachd.sysusers DESTINATION /usr/lib/sysusers.d RENAME outreachd.conf ${system})
install(FILES systemd/outreachd.tmpfiles DESTINATION /usr/lib/tmpfiles.d RENAME outreachd.conf ${system})

# ---- Debian's part: copyright, changelog, maintainer scripts

execute_process(COMMAND date --date=${newest_date} "+%a, %d %b %Y 00:00:00 +0000"
                OUTPUT_VARIABLE newest_date_822 OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
file(WRITE ${debian_dir}/changelog "outreachd (${PROJECT_VERSION}) bookworm; urgency=medium\n\n"
     "  * What changed is in CHANGELOG.md beside this file.\n\n"
     " -- ${OUTREACH_MAINTAINER}  ${newest_date_822}\n")
execute_process(COMMAND gzip -9nf ${debian_dir}/changelog COMMAND_ERROR_IS_FATAL ANY)
install(FILES ${debian_dir}/changelog.gz packaging/debian/copyright CHANGELOG.md DESTINATION ${doc_dir} ${system})
set(scripts "")
foreach(script postinst prerm postrm)
  configure_file(packaging/debian/${script} ${debian_dir}/${script} @ONLY
                 FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  list(APPEND scripts ${debian_dir}/${script})
endforeach()
file(WRITE ${debian_dir}/conffiles "/etc/outreachd/outreachd.ini\n/etc/outreachd/redis.conf\n")
file(GLOB code_tables CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/config config/codes/*)
foreach(table IN LISTS code_tables)
  file(APPEND ${debian_dir}/conffiles "/etc/outreachd/${table}\n")
endforeach()

# ---- CPack

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME outreachd)
set(CPACK_PACKAGE_VENDOR "outreachd developers")
set(CPACK_PACKAGE_CONTACT "${OUTREACH_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "SMS gateway for township outreach campaigns and their pledges")
set(CPACK_PACKAGE_DESCRIPTION
    "outreachd sends a campaign's text messages through a carrier's HTTP interface\n\
(China Mobile Cloud MAS), each recipient at most once, takes status reports and\n\
replies back, and keeps a ledger of what was pledged and what arrived.\n\
.\n\
This package has the daemon, its control program outreachctl, a simulator of\n\
the carrier, and units for the daemon and a private Redis of its own.")
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
    WORLD_EXECUTE)
set(CPACK_INSTALL_CMAKE_PROJECTS "${CMAKE_BINARY_DIR};outreachd;ALL;/;${CMAKE_BINARY_DIR};outreachd;system;/")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What no shared library tells. redis-server is only the program: the package's own units run it.
set(CPACK_DEBIAN_PACKAGE_DEPENDS
    "redis-server (>= 5:7.0), libjs-bootstrap5, libjs-chart.js, init-system-helpers (>= 1.54~), systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "bash-completion, nginx")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${scripts} ${debian_dir}/conffiles)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_SOURCE_GENERATOR TXZ)
set(CPACK_SOURCE_PACKAGE_FILE_NAME outreachd-${PROJECT_VERSION})
set(CPACK_SOURCE_IGNORE_FILES "${CMAKE_SOURCE_DIR}/build/" "/\\\\.git/" "/\\\\.git$" "__pycache__" "\\\\.pytest_cache" "\\\\.pyc$")
include(CPack)
