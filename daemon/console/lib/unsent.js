/* What a reader has typed and nobody has taken yet: kept in this tab's memory under her name, so that a login that ended costs nothing;
 * the browser asks before the tab is closed over it. */
import {session} from './session.js';

/* The key of what is the present reader's. */
export const ownKey = (name) => `${session()?.user} ${name}`;

export function hasOwn(kept) {
    return [...kept.keys()].some((key) => key.startsWith(ownKey('')));
}

export function warnWhile(isUnsent) {
    window.addEventListener('beforeunload', (event) => {
        if (isUnsent()) {
            event.preventDefault();
        }
    });
}
