/* Every key name in one place. The C side builds only the base of a key and its hash tag;
 * the function library appends the rest, so that all keys of one call carry one tag and live on one shard.
 * docs/redis-layout.md shows the bytes.
 *
 *   base                          tag       keys under it
 *   <prefix>:{<carrier>}:         account   next ids live launch tok carrier tb codes codel cl amb rs fv
 * fr pkz pkm up upd upw c:<seq> rz:<seq> ac:<seq> p:<seq>:<n> s:… v:… r:… t:… m:… g:<bucket> pk:<batch>
 *   <prefix>:{o}:                 opt-outs  m:<7 digits> a:<7 digits> r z p
 *   <prefix>:{d:<group>}:         group     <8 digits> own next dead
 *   <prefix>:{f:<fingerprint>}:   launch    launch
 *   <prefix>:{n}:                 daemons   d
 *   <prefix>:{a}:                 audit     audit head refused
 *   <prefix>:{l}:                 ledger    n e mark ser seal closed rev tk y req:<hex> p:<number>
 * m:<7 digits> t:<area>:<year>:<campaign> g:<same> ch:<area> rc:<county>:<year> cap:<day>
 *   <prefix>:{u}:                 people    users tokens u:<name> s:<digest> t:<digest>
 * la:<name> ld:<address> i:<user>:<key>
 *   <prefix>:{dr}:                drafts    d:<id> as a:<area> t:<day>:<whose>
 *   <prefix>:schema               -         (itself)
 *   <prefix>~restore:             -         what a restore has brought so far, the same names again
 *
 * A carrier named "o", "n", "a", "l", "u", "dr" would share a tag with another table, but no key:
 * the names after the base differ. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#define KEY_SIZE 256 /* prefix 64 + group or carrier 64 + what the library appends */

#define KEY_CARRIER "%s:{%s}:"
#define KEY_OPTOUTS "%s:{o}:"
#define KEY_GROUP "%s:{d:%s}:"
#define KEY_LAUNCH "%s:{f:%s}:"
#define KEY_DAEMONS "%s:{n}:"
#define KEY_AUDIT "%s:{a}:"
#define KEY_LEDGER "%s:{l}:"
#define KEY_PEOPLE "%s:{u}:"
#define KEY_DRAFTS "%s:{dr}:"
#define KEY_SCHEMA "%s:schema"
#define KEY_ALL "%s:"             /* every key of ours, for store/backup.lua */
#define KEY_STAGED "%s~restore:%s" /* of a restore that has not come to its place */
