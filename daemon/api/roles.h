/* What session.c, users.c and tokens.c share. Internal to api/. */
#pragma once

#include "api/apicall.h"

json_t *roles_json(uint32_t roles); /* ["township", "finance"] */
/* "roles" of the body: an array of words or a text; *roles stays when there is none. false: the
 * call was answered. */
bool roles_read(struct apicall *call, uint32_t *roles);
/* Hashes the password, stores it and answers. The rules were checked. */
void users_set_password(struct apicall *call, const char *name, const char *password);
