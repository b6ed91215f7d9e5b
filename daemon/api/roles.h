/* What session.c and users.c share. Internal to api/. */
#pragma once

#include "api/apicall.h"

json_t *roles_json(uint32_t roles); /* ["township", "finance"] */
/* Hashes the password, stores it and answers. The rules were checked. */
void users_set_password(struct apicall *call, const char *name, const char *password);
