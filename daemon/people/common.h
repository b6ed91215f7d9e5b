/* Passwords that are tried first. Pure. Internal to people/. */
#pragma once

#include <stdbool.h>

/* The password is one of the best known, or nothing but such words, runs of the keyboard and digits
 * put together ("Password2026!!", "woaini521521"). */
bool common_password(const char *password);
