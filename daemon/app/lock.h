/* One process a daemon id: a locked file in state_dir. The kernel lets go of it whatever way the
 * process ends. */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* Makes state_dir if its parent exists, locks state_dir/ID.lock and writes the pid into it.
 * `problem` (at least 512 bytes) gets a sentence. errors: ERR_EXISTS (another process has it),
 * ERR_IO */
MUST_CHECK enum err lock_take(const char *state_dir, const char *id, int *fd, char *problem,
                              size_t problem_size);
void lock_release(int fd);
/* Writes a short file in state_dir whole or not at all. */
MUST_CHECK enum err lock_write_file(const char *state_dir, const char *name, const char *text);
