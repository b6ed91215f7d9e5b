/* Who may do what, and where: roles and areas. Pure.
 *
 * A user has one or more roles and one area; both must allow what is asked. Nothing is allowed that
 * no table says. The control socket is trusted by its file mode and may do everything. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum role {
    ROLE_TOWNSHIP, /* drafts, tests, asks for approval, launches what was approved */
    ROLE_APPROVER, /* approves what others wrote */
    ROLE_FINANCE,  /* pledges, arrivals, deliveries */
    ROLE_VIEWER,   /* totals */
    ROLE_OPERATOR, /* carriers, queue, opt-outs, what is stuck */
    ROLE_ADMIN,    /* users */
    ROLE_AUDITOR,  /* reads everything that was done */
    ROLE_COUNT
};
#define ROLE_BIT(role) (UINT32_C(1) << (role))
#define ROLES_ALL (ROLE_BIT(ROLE_COUNT) - 1)

const char *role_word(enum role role);
/* Words split by blanks or commas, at least one. errors: ERR_INVALID */
MUST_CHECK enum err roles_parse(const char *words, uint32_t *roles);
#define ROLES_TEXT_SIZE 96
/* "township finance" */
const char *roles_format(uint32_t roles, char out[ROLES_TEXT_SIZE]);

enum via {
    VIA_CONTROL, /* the control socket */
    VIA_SESSION, /* a browser that logged in */
    VIA_TOKEN    /* a program with a token */
};
const char *via_word(enum via via);

#define WHO_NAME_SIZE 65
#define WHO_ADDRESS_SIZE 64 /* conf/address.h writes it */
struct who {
    enum via via;
    char name[WHO_NAME_SIZE];       /* "" on the control socket: the body names the actor */
    char address[WHO_ADDRESS_SIZE]; /* of the client, "" on the control socket */
    uint32_t roles;
    uint64_t area;     /* as pledge/area.h; 0: everywhere */
    bool is_confirmed; /* the password was given again a short time ago */
};

/* One of `roles` is among the user's. */
bool who_has_role(const struct who *who, uint32_t roles);
/* `area` lies in the user's own. What nobody could place (AREA_UNASSIGNED) and the nation itself
 * are only seen by who sees everything. */
bool who_covers(const struct who *who, uint64_t area);
