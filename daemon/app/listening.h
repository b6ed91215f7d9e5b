/* The sockets the daemon listens on, and how they outlive it.
 *
 * The control socket is the daemon's own. The public port is, in this order: a socket that systemd
 * hands over, from outreachd.socket or left with it by the process before (its file descriptor
 * store, FileDescriptorStoreMax= in the unit); else opened here, and left with systemd. As long as
 * systemd holds it, clients who connect while no daemon runs wait in the kernel's queue.
 *
 * source: sd_listen_fds(3), sd_notify(3) (FDSTORE=1) */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct app;

/* Opens or takes over all of them. false: `problem` (of `size` bytes) has a sentence. */
bool listening_up(struct app *app, char *problem, size_t size);
void listening_down(struct app *app);
/* Lets those in who wait at the public port. It begins closed to them, because a webhook that is
 * read before Redis answers can only be refused: called when Redis is ready, or by itself after
 * some seconds, since an honest refusal is better than silence. The first time systemd hears that
 * the daemon is ready: what is typed behind `systemctl start` meets one that can answer. */
void listening_open(struct app *app);
