/* What is typed in a draft, until the daemon has it. It is saved by itself shortly after the last key, with the version it was typed
 * against; what could not be saved stays here and is shown as not saved, whatever is looked at meanwhile, and nothing is
 * launched before it is settled:
 *
 *   waiting   not sent yet, or sent in vain: the daemon was away (tried again by itself), the login has ended, or somebody else has
 *             saved meanwhile (the reader decides)
 *   refused   one field that the daemon does not take, with its error; it holds nothing else back, and is sent again when it changes
 *
 * What a page leaves behind is taken up again by the next one of the same draft and user: a login that ended costs nothing. */
import * as api from '../lib/api.js';
import {hasOwn, ownKey, warnWhile} from '../lib/unsent.js';

const SAVE_AFTER_MS = 700;
const RETRY_AFTER_MS = 4000;
const PLEDGE = 'pledge';

const left = new Map(); // by user and draft: {version, waiting, refused} of a page that was left
const leaving = new Map(); // the same: when the page that is left has saved what it could
const open = new Set(); // the keepers of pages that are shown

warnWhile(() => [...open].some((keeper) => keeper.isUnsaved()) || hasOwn(left));
window.addEventListener('online', () => open.forEach((keeper) => keeper.flush()));

const isAway = (error) => error.status === 0 || error.status >= 500;

/* The field an error is about, if it is one of those that were sent. */
function refusedField(error, sent) {
    const name = error.status === 400 ? (error.field ?? '').split('.')[0] : '';
    return name in sent ? name : null;
}

/* `first`: the draft as it was read. onChange(): something was saved, or could not be. */
export async function openKeeper(path, first, onChange) {
    const whose = ownKey(path);
    let draft = first, waiting = {}, refused = {}, trouble = null, timer = null, saving = Promise.resolve();

    function sentBody(fields) {
        const {[PLEDGE]: pledge, ...rest} = fields;
        return {version: draft.version, fields: rest, ...(pledge !== undefined ? {pledge} : {})};
    }

    async function sendAll() {
        while (Object.keys(waiting).length > 0) {
            const sent = waiting;
            waiting = {};
            try {
                draft = await api.post(path, sentBody(sent));
                trouble = null;
            } catch (error) {
                const name = refusedField(error, sent);
                if (name === null) {
                    waiting = {...sent, ...waiting}; // what was typed since counts
                    trouble = error;
                    if (isAway(error)) {
                        later(RETRY_AFTER_MS);
                    }
                    break;
                }
                const {[name]: value, ...others} = sent;
                waiting = {...others, ...waiting};
                if (!(name in waiting)) {
                    refused[name] = {value, error};
                }
            }
        }
        onChange();
    }

    function later(ms) {
        clearTimeout(timer);
        timer = setTimeout(flush, ms);
    }

    /* Gives when what can be saved is. */
    function flush() {
        clearTimeout(timer);
        timer = null;
        saving = saving.then(() => (Object.keys(waiting).length > 0 ? sendAll() : undefined));
        return saving;
    }

    const keeper = {
        flush,
        /* `fields` by name; `pledge` as the section, null: none. */
        save(fields) {
            for (const name of Object.keys(fields)) {
                delete refused[name];
            }
            Object.assign(waiting, fields);
            later(SAVE_AFTER_MS);
            onChange();
        },
        draft: () => draft,
        isUnsaved: () => Object.keys(waiting).length > 0 || Object.keys(refused).length > 0,
        /* As they stand in front of the reader, saved or not. */
        fields() {
            const {[PLEDGE]: _, ...typed} = {...draft.fields, ...Object.fromEntries(Object.entries(refused).map(([name, one]) => [name, one.value])), ...waiting};
            return typed;
        },
        pledge: () => (PLEDGE in waiting ? waiting[PLEDGE] : PLEDGE in refused ? refused[PLEDGE].value : draft.pledge),
        /* Why something is not saved: [{field or null, error}]. */
        troubles: () => [...Object.entries(refused).map(([field, {error}]) => ({field, error})), ...(trouble !== null ? [{field: null, error: trouble}] : [])],
        /* Another version was read: of somebody else, after an upload, a decision. What waits is kept. */
        replace(fresh) {
            draft = fresh;
            onChange();
        },
        /* Somebody else has saved: hers is taken, or mine goes on top of it. */
        async settle(fresh, isMine) {
            draft = fresh;
            trouble = null;
            if (!isMine) {
                waiting = {};
                refused = {};
            }
            await flush();
            onChange();
        },
        close() {
            open.delete(keeper);
            const done = flush().then(() => {
                clearTimeout(timer);
                if (keeper.isUnsaved()) {
                    left.set(whose, {version: draft.version, waiting, refused});
                }
                leaving.delete(whose);
            });
            leaving.set(whose, done);
            return done;
        },
        /* It was deleted: nothing of it is worth keeping. */
        forget() {
            waiting = {};
            refused = {};
        },
    };

    const goes = leaving.get(whose);
    if (goes) {
        await goes;
        draft = await api.get(path);
    }
    const before = left.get(whose);
    if (before) {
        left.delete(whose);
        waiting = {...Object.fromEntries(Object.entries(before.refused).map(([name, one]) => [name, one.value])), ...before.waiting};
        draft = {...draft, version: before.version}; // somebody may have saved since: the daemon tells
    }
    open.add(keeper);
    await flush();
    return keeper;
}
