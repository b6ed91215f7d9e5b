/* store/layouts.c once more, with the steps of later_layouts.lua behind those that are released:
 * the one file in which the "later version" of test_upgrade.py differs from this one. */
#include "../../daemon/store/layouts.c"
